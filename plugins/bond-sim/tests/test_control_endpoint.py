import httpx
import pytest


async def test_faults_are_given_listed_and_ended_while_it_runs(start):
  sim = await start()
  assert await sim.faults() == []
  added = await sim.fault("silence:1m@1m")
  assert (added.status_code, added.json()["state"]) == (201, "waiting")
  await sim.fault("slow:1ms")
  listed = await sim.faults()
  assert [(f["id"], f["fault"], f["kind"], f["state"]) for f in listed] == [
    (1, "silence:1m@1m", "silence", "waiting"),
    (2, "slow:1ms", "slow", "active"),
  ]
  assert [fault["state"] for fault in await sim.end_faults()] == ["done", "done"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"fault": 1}', b'{"kind": "drop"}', b"{"])
async def test_a_wrong_body_is_explained(start, body):
  sim = await start()
  async with httpx.AsyncClient(base_url=sim.url, trust_env=False, verify=False) as client:
    answer = await client.post("/_sim/faults", content=body)
  assert answer.status_code == 400
  assert "fault" in answer.json()["error"]


async def test_a_wrong_fault_is_explained(start):
  sim = await start()
  answer = await sim.fault("explode")
  assert answer.status_code == 400
  assert "is one of drop, rst" in answer.json()["error"]


async def test_an_unknown_control_lists_those_there_are(start):
  sim = await start()
  answer = await sim.get("/_sim/nothing")
  assert answer.status_code == 404
  assert "GET /_sim/stats" in answer.json()["error"]


async def test_stats_count_what_happened(start, recording):
  sim = await start(capture=[recording], speed=0)
  await sim.get("/api/v3/depth?symbol=BTCUSDT")
  async with sim.connect("/spot/stream?streams=btcusdt@trade") as ws:
    await sim.read(ws, until=lambda m: len(m) == 600)
    await sim.finished()
    stats = await sim.stats()
    assert stats["connections"][0]["subscriptions"] == ["spot btcusdt@trade"]
  assert (stats["opened"], stats["refused"], len(stats["attempts"])) == (1, 0, 1)
  assert stats["requests"] == {"GET /api/v3/depth": 1}
  assert stats["used_weight"] == {"spot 127.0.0.1": 5}
  assert stats["sent"] == {"spot btcusdt@trade": 600}
  assert stats["unheard"] == {"spot btcusdt@depth@100ms": 200}
  assert stats["playback"]["played"] == stats["playback"]["frames"] == 800
  assert stats["missed"] == {}
