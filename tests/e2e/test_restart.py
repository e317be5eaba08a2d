"""A server that is stopped or killed, and what its clients are told afterwards."""

import json
import signal

import trio
from serving import EXAMPLE, served

from bond_core import Disconnected
from bond_core._ws.client import open_websocket


async def subscribed(server, count, since=None):
  """The ack of a subscription to all trades, and the messages up to so many trades."""
  asked = {"type": "subscribe", "channels": ["trades"]} | ({"from": since} if since else {})
  got = []
  async with open_websocket(f"ws://127.0.0.1:{server.port}/stream") as websocket:
    await websocket.send(json.dumps(asked).encode())
    with trio.fail_after(60):
      while len(seqs(got)) < count:
        got += map(json.loads, await websocket.receive())
  last = seqs(got)[count - 1]
  at = next(i for i, message in enumerate(got) if message.get("seq_internal") == last)
  ack = next(message for message in got if message["type"] == "system")
  return ack, got[: at + 1]


def seqs(got):
  return [message["seq_internal"] for message in got if message["type"] == "trade"]


def gaps(got):
  return [message for message in got if message["type"] == "gap"]


async def test_clients_resume_over_a_kill_and_are_told_what_nobody_has(tmp_path):
  async with served(EXAMPLE, data=tmp_path) as server:
    ack, got = await subscribed(server, 150)
    before = seqs(got)
    server.kill()
  async with served(EXAMPLE, data=tmp_path) as server:
    place = f"{ack['epoch']}:{before[20]}"
    again, got = await subscribed(server, 200, place)
  assert again["epoch"] == ack["epoch"]
  # What was received after the last write to disk may be gone, so nothing is promised.
  assert again["recovered"] is False
  after = seqs(got)
  lost = {gap["reason"]: gap for gap in gaps(got)}
  assert set(lost) == {"expired", "upstream"}
  assert lost["upstream"]["cause"] == "nothing was received while bond was not running"
  hole = range(lost["expired"]["from_seq"], lost["expired"]["to_seq"] + 1)
  # Everything the first run sent came again once, or lies in the hole that was declared.
  assert [seq for seq in before[21:] if seq not in after] == [s for s in before[21:] if s in hole]
  assert len(after) == len(set(after)) == 200
  assert after == sorted(after)
  assert not set(after) & set(hole)
  assert not set(before[:21]) & set(after)


async def test_clients_resume_exactly_over_an_orderly_restart(tmp_path):
  async with served(EXAMPLE, data=tmp_path) as server:
    ack, got = await subscribed(server, 50)
    await server.stop()
    assert server.process.returncode == 0
  async with served(EXAMPLE, data=tmp_path) as server:
    place = f"{ack['epoch']}:{seqs(got)[-1]}"
    again, got = await subscribed(server, 150, place)
  assert again["recovered"] is True
  # The pause itself is the only loss, and it is told.
  assert [gap["reason"] for gap in gaps(got)] == ["upstream"]


async def test_without_a_log_on_disk_another_run_is_another_epoch():
  async with served(EXAMPLE) as server:
    ack, got = await subscribed(server, 20)
  async with served(EXAMPLE) as server:
    again, _ = await subscribed(server, 20, f"{ack['epoch']}:{seqs(got)[-1]}")
  assert again["epoch"] != ack["epoch"]
  assert again["recovered"] is False


async def test_a_server_takes_leave_of_its_clients_when_it_is_told_to_stop():
  async with served(EXAMPLE) as server:
    told = []

    async def listen(task_status):
      async with open_websocket(f"ws://127.0.0.1:{server.port}/stream") as websocket:
        await websocket.send(b'{"type":"subscribe","channels":["*"]}')
        task_status.started()
        last = None
        try:
          while True:
            last = json.loads((await websocket.receive())[-1])
        except Disconnected as exc:
          told.append((last, str(exc)))

    async with trio.open_nursery() as nursery:
      for _ in range(10):
        await nursery.start(listen)
      await trio.sleep(0.5)
      started = trio.current_time()
      server.process.send_signal(signal.SIGTERM)
      with trio.fail_after(60):
        assert await server.process.wait() == 0
      assert trio.current_time() - started < 8
    assert len(told) == 10
    for last, reason in told:
      assert last == {"type": "shutdown", "retry_after_ms": 1000}
      assert "4001" in reason
