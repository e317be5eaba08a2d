"""Streams over HTTP: made, read, limited, shared, replaced, deleted, and there again after a
restart."""

import contextlib
import gc
import os
import sqlite3
from datetime import UTC, datetime

import pytest
import trio
from bond_rest.problems import ApiError
from bond_rest.store import Store, StoredStream
from bond_rest.streams import Streams
from control_plane import reading, serving, ticks
from prometheus_client.parser import text_string_to_metric_families

from bond_core import BondError
from bond_core._errors import Disconnected
from bond_core._spec.values import Secret
from bond_core.logs import EngineError, MemoryLog

KEYS = [
  {"use": "core.keys", "with": {"keys": {"ann": {"secret": "ANN"}, "bob": {"secret": "BOB"}}}}
]
ANN, BOB = "1f6a2c93d07b48e5a1c2f3047b5d6e89", "c4e8a07d5b3f42169d8e7a60b1c2d3f5"


@pytest.fixture
def keys(monkeypatch):
  monkeypatch.setenv("ANN", ANN)
  monkeypatch.setenv("BOB", BOB)
  assert Secret("ANN").reference() == {"secret": "ANN"}
  return [*KEYS, {"use": "core.tokens"}]


async def test_a_spec_becomes_a_stream_that_can_be_read(api):
  answer = await api.create(ticks())
  assert answer.status_code == 201
  made = answer.json()
  assert set(made) == {"stream_id", "ws_url", "access_token", "spec", "understood"}
  assert made["understood"] is None
  # No client could read it without a sink, so one was added.
  assert made["spec"]["sinks"] == {"feed": {"use": "core.stream", "from": ["clock"]}}
  assert made["ws_url"].endswith(f"/ws/{made['stream_id']}?token={made['access_token']}")
  async with reading(made["ws_url"]) as socket:
    first, second = [await socket.event() for _ in range(2)]
  assert second["seq_internal"] == first["seq_internal"] + 1
  assert second["data"]["count"] == first["data"]["count"] + 1


async def test_a_log_that_cannot_be_opened_is_no_fault_of_the_spec(api, monkeypatch):
  async def full(spec, caller):
    raise EngineError("the log in /data cannot be opened: No space left on device")

  with monkeypatch.context() as patched:
    patched.setattr(api.server.streams, "start", full)
    answer = await api.create(ticks())
  assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
  assert "No space left" in answer.json()["detail"]
  assert (await api.create(ticks())).status_code == 201


@pytest.mark.parametrize(
  ("listens", "host", "begins"),
  [
    ("ws://0.0.0.0:8080", "localhost:8000", "ws://localhost:8080/ws/"),
    ("wss://[::]:443", "[::1]:8000", "wss://[::1]:443/ws/"),
    ("ws://0.0.0.0:8080", "[::1]", "ws://[::1]:8080/ws/"),
    ("ws://192.0.2.7:8080", "localhost:8000", "ws://192.0.2.7:8080/ws/"),
  ],
)
async def test_a_broker_at_every_address_is_named_as_its_caller_came(api, listens, host, begins):
  api.server.addresses["broker"] = [listens]
  body, headers = {"spec": ticks()}, {"Host": host}
  made = (await api.http.post("/v1/streams", json=body, headers=headers)).json()
  assert made["ws_url"].startswith(begins)
  path = f"/v1/streams/{made['stream_id']}/token"
  assert (await api.http.post(path, headers=headers)).json()["ws_url"].startswith(begins)


async def test_what_a_deleted_stream_held_is_let_go_at_once(api):
  # What earlier tests left is let go, and no more until the end: whatever still refers to a log of
  # this stream, nothing but its removal may empty it.
  gc.collect()
  gc.disable()
  try:
    others = {id(log) for log in gc.get_objects() if type(log) is MemoryLog}
    made = (await api.create(ticks(0.01))).json()
    async with reading(made["ws_url"]) as socket:
      await socket.event()
    found = [log for log in gc.get_objects() if type(log) is MemoryLog and id(log) not in others]
    logs = [log for log in found if log.bytes_held]
    assert len(logs) >= 3, "the source's, the pipeline's and the stream's"
    await api.call("DELETE", f"/v1/streams/{made['stream_id']}")
    assert [log.name for log in logs if log.bytes_held and log.name != "market"] == []
  finally:
    gc.enable()


def at_node(*tokens, **given):
  """A spec of sources at a node, one for each token."""
  each = {"chain": "ethereum", **given}
  return {
    "sources": {
      f"s{n}": {"use": "onchain.evm", "with": {**each, "symbols": [token]}}
      for n, token in enumerate(tokens)
    }
  }


async def test_a_caller_has_a_part_of_the_operators_own_nodes(tmp_path, keys, monkeypatch):
  monkeypatch.setenv("EVM_ENDPOINT", "ws://127.0.0.1:1/")
  monkeypatch.setenv("GRPC_ENDPOINT", "http://127.0.0.1:1")
  async with serving(tmp_path, chain=keys, max_node_sources=2) as api:
    assert (await api.create(at_node("USDT"), key=ANN)).status_code == 201
    refused = await api.create(at_node("USDC", "DAI"), key=ANN)
    assert refused.status_code == 429
    assert "EVM_ENDPOINT" in refused.json()["detail"]
    assert "--max-node-sources" in refused.json()["detail"]
    # The same source again is none more; nor is one that others have, or one elsewhere.
    again = {**at_node("USDT", "USDC"), "name": "again"}
    made = await api.create(again, key=ANN)
    assert made.status_code == 201, made.json()
    assert (await api.create(at_node("USDT", "WETH"), key=BOB)).status_code == 201
    solana = {"sources": {"s": {"use": "onchain.solana", "with": {"symbols": ["USDC"]}}}}
    assert (await api.create(solana, key=ANN)).status_code == 201
    own = at_node("WETH", url="wss://node.example.com/")
    assert (await api.create(own, key=ANN)).status_code == 201
    # What is put in the place of another counts without that one.
    path = f"/v1/streams/{made.json()['stream_id']}"
    put = await api.call("PUT", path, key=ANN, json={"spec": at_node("DAI")})
    assert put.status_code == 200, put.json()
    put = await api.call(
      "PUT", f"/v1/streams/{put.json()['stream_id']}", key=ANN, json={"spec": again}
    )
    assert put.status_code == 200, put.json()


def remembering(keep, every=1.0):
  """A spec that holds so much."""
  return {
    **ticks(every),
    "transforms": {
      "once": {"use": "core.dedupe", "from": "clock", "with": {"keep": keep}},
    },
  }


async def test_what_a_callers_streams_hold_is_bounded_together(tmp_path, keys):
  async with serving(tmp_path, chain=keys, max_held=250_000) as api:
    assert (await api.create(remembering(200_000), key=ANN)).status_code == 201
    assert (await api.create(remembering(60_000, 2.0), key=ANN)).status_code == 429
    assert (await api.create(remembering(60_000, 3.0), key=BOB)).status_code == 201
    windows = {
      **ticks(3.0),
      "transforms": {
        f"w{n}": {"use": "core.window", "from": "clock", "with": {"every": 5 + n}} for n in range(3)
      },
    }
    refused = await api.create(windows, key=ANN)
    assert refused.status_code == 429
    assert "--max-held" in refused.json()["detail"]
    for node in windows["transforms"].values():
      node["with"]["symbols"] = ["BTC/USDT"]
    assert (await api.create(windows, key=ANN)).status_code == 201
    # A stream that holds nothing is none too much.
    assert (await api.create(ticks(4.0), key=ANN)).status_code == 201


async def test_an_equal_spec_is_the_same_stream_however_it_was_written(api):
  one = await api.create(ticks())
  text = "# the same\nsources:\n  clock:\n    use: clock.ticks\n    with: {seconds: 0.02}\n"
  other = await api.create(text)
  assert (one.status_code, other.status_code) == (201, 200)
  assert one.json()["stream_id"] == other.json()["stream_id"]
  assert len(api.server.streams.running) == 1


async def test_what_is_listed_is_what_runs(api):
  assert (await api.call("GET", "/v1/streams")).json() == []
  made = (await api.create(ticks())).json()
  (listed,) = (await api.call("GET", "/v1/streams")).json()
  assert listed["running"] is True
  assert (listed["stream_id"], listed["spec"]) == (made["stream_id"], made["spec"])
  path = f"/v1/streams/{made['stream_id']}"
  assert (await api.call("GET", path)).json() == listed
  assert (await api.call("GET", f"{path}/spec")).json() == made["spec"]
  schema = (await api.call("GET", f"{path}/schema")).json()
  assert "seq_internal" in schema["$defs"]["Custom"]["properties"]


async def test_a_fresh_token_reads_the_stream_until_it_expires(tmp_path):
  async with serving(tmp_path, token_ttl=2) as api:
    stream = (await api.create(ticks())).json()["stream_id"]
    token = (await api.call("POST", f"/v1/streams/{stream}/token")).json()
    assert token["expires_in_sec"] == 2
    assert token["ws_url"].endswith(token["token"])
    async with reading(token["ws_url"]) as socket:
      await socket.event()
      assert "4005" in await socket.end(within=4)


async def test_the_metrics_are_what_a_client_counts(api):
  made = (await api.create(ticks())).json()
  path = f"/v1/streams/{made['stream_id']}/metrics"
  async with reading(made["ws_url"]) as socket:
    for _ in range(10):
      last = await socket.event()
    before = (await api.call("GET", path)).json()
    while last["seq_internal"] < before["msgs_out"]:
      last = await socket.event()
    # All that was counted came, and what came was counted.
    assert last["seq_internal"] == before["msgs_out"]
    after = (await api.call("GET", path)).json()
  assert 10 <= before["msgs_out"] <= before["msgs_in"] <= after["msgs_in"]
  assert before["dropped"] == 0
  assert after["created_at"] == before["created_at"]
  # RFC 3339 in UTC, everywhere the same.
  made_at = datetime.fromisoformat(before["created_at"])
  assert before["created_at"].endswith("Z")
  assert abs((datetime.now(UTC) - made_at).total_seconds()) < 600
  (listed,) = (await api.call("GET", "/v1/streams")).json()
  assert listed["created_at"] == before["created_at"]
  assert after["uptime_sec"] > before["uptime_sec"]
  assert after["latency_samples"] >= before["latency_samples"]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text;version=1.0.0"])
async def test_prometheus_reads_the_same_figures(api, accept):
  made = (await api.create(ticks())).json()
  async with reading(made["ws_url"]) as socket:
    await socket.event()
  answer = await api.http.get("/metrics", headers={"Accept": accept})
  assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
  found = {
    (sample.name, sample.labels.get("stream")): sample.value
    for family in text_string_to_metric_families(answer.text)
    for sample in family.samples
  }
  assert found["bond_api_streams", None] == found["bond_api_running", None] == 1
  stream = made["stream_id"]
  assert found["bond_api_stream_messages_out_total", stream] >= 1
  assert found["bond_api_stream_dropped_total", stream] == 0
  message = (await api.call("GET", "/metrics")).json()
  [one] = message["per_stream"]
  assert one["msgs_out"] >= found["bond_api_stream_messages_out_total", stream]


async def test_a_deleted_stream_ends_its_tokens_and_its_sockets(api):
  made = (await api.create(ticks())).json()
  path = f"/v1/streams/{made['stream_id']}"
  async with reading(made["ws_url"]) as socket:
    await socket.event()
    answer = await api.call("DELETE", path)
    assert answer.json() == {"status": "deleted", "stream_id": made["stream_id"]}
    assert "4500" in await socket.end(within=2)
  for method, where in (("GET", ""), ("DELETE", ""), ("GET", "/metrics"), ("POST", "/token")):
    assert (await api.call(method, path + where)).status_code == 404
  assert api.server.streams.running == []
  # Made again it has the same id, and the old token stays dead.
  again = (await api.create(ticks())).json()
  assert again["stream_id"] == made["stream_id"]
  async with reading(made["ws_url"]) as socket:
    assert "4500" in await socket.end(within=2)
  async with reading(again["ws_url"]) as socket:
    await socket.event()


def logs_of(folder, made):
  return [found for found in (folder / "log").iterdir() if made["stream_id"] in found.name]


async def test_what_a_deleted_stream_gave_is_gone_from_the_disk(tmp_path):
  async with serving(tmp_path, on_disk=True) as api:
    made, other = [(await api.create(ticks(every))).json() for every in (0.02, 0.03)]
    async with reading(made["ws_url"]) as socket:
      while (await socket.event())["seq_internal"] < 3:
        pass
    (log,) = logs_of(tmp_path, made)
    assert any(found.stat().st_size for found in log.iterdir())
    assert (await api.call("DELETE", f"/v1/streams/{made['stream_id']}")).status_code == 200
    assert logs_of(tmp_path, made) == []
    assert logs_of(tmp_path, other) != []
    # One that is made again begins with its first event.
    again = (await api.create(ticks())).json()
    assert again["stream_id"] == made["stream_id"]
    async with reading(again["ws_url"] + "&from=now-1d") as socket:
      assert (await socket.event())["seq_internal"] == 1


async def test_a_stream_whose_log_cannot_be_removed_is_known_until_it_can(tmp_path):
  async with serving(tmp_path, on_disk=True) as api:
    made = (await api.create(ticks())).json()
    path = f"/v1/streams/{made['stream_id']}"
    (log,) = logs_of(tmp_path, made)
    in_the_way = log / "another file"
    in_the_way.mkdir()
    async with reading(made["ws_url"]) as socket:
      answer = await api.call("DELETE", path)
      assert "4500" in await socket.end(within=2)
    assert answer.status_code == 503
    assert "DELETE it again" in answer.json()["detail"]
    assert (await api.call("GET", path)).json()["problem"] == answer.json()["detail"]
    in_the_way.rmdir()
    assert (await api.call("DELETE", path)).status_code == 200
    assert logs_of(tmp_path, made) == []
    assert (await api.call("GET", path)).status_code == 404


async def test_another_spec_takes_the_place_of_a_streams(tmp_path):
  async with serving(tmp_path, max_streams=1) as api:
    old = (await api.create(ticks())).json()["stream_id"]
    answer = await api.call("PUT", f"/v1/streams/{old}", json={"spec": ticks(0.5)})
    new = answer.json()["stream_id"]
    assert answer.status_code == 200
    assert new != old
    assert [stream.id for stream in api.server.streams.running] == [new]
    same = await api.call("PUT", f"/v1/streams/{new}", json={"spec": ticks(0.5)})
    assert same.json()["stream_id"] == new
    assert (await api.call("PUT", f"/v1/streams/{old}", json={"spec": ticks()})).status_code == 404


async def test_one_stream_too_many_is_a_429_that_says_what_to_do(tmp_path):
  async with serving(tmp_path, max_streams=2) as api:
    for every in (0.1, 0.2):
      assert (await api.create(ticks(every))).status_code == 201
    answer = await api.create(ticks(0.3))
    assert answer.status_code == 429
    assert answer.headers["retry-after"]
    assert "DELETE /v1/streams/{id}" in answer.json()["detail"]
    # One that is there already takes no more room.
    assert (await api.create(ticks(0.1))).status_code == 200
    assert len(api.server.streams.running) == 2


async def test_callers_share_a_stream_and_see_only_their_own(tmp_path, keys):
  async with serving(tmp_path, chain=keys, max_streams=1) as api:
    anns = (await api.create(ticks(), key=ANN)).json()
    assert (await api.call("GET", "/v1/streams", key=BOB)).json() == []
    path = f"/v1/streams/{anns['stream_id']}"
    assert (await api.call("GET", path, key=BOB)).status_code == 404
    assert (await api.call("DELETE", path, key=BOB)).status_code == 404
    bobs = await api.create(ticks(), key=BOB)
    assert bobs.status_code == 201
    assert len(api.server.streams.running) == 1
    assert (await api.call("DELETE", path, key=ANN)).status_code == 200
    async with reading(bobs.json()["ws_url"]) as socket:
      await socket.event()
    assert (await api.call("DELETE", path, key=BOB)).status_code == 200
    assert api.server.streams.running == []


@pytest.mark.parametrize("leaving", ["first", "last"])
async def test_whoever_leaves_a_shared_stream_loses_its_own_tokens_only(tmp_path, keys, leaving):
  leaver, stays = (ANN, BOB) if leaving == "first" else (BOB, ANN)
  async with serving(tmp_path, chain=keys) as api:
    made = {key: (await api.create(ticks(), key=key)).json() for key in (ANN, BOB)}
    path = f"/v1/streams/{made[ANN]['stream_id']}"
    # The form that others sign too is that of a stream's first owner.
    assert len(made[ANN]["access_token"].split(".")[2]) == 43
  # Who has which tokens outlasts the process.
  async with serving(tmp_path, chain=keys) as api:
    broker = api.server.addresses["broker"][0]
    urls = {key: f"{broker}/ws{one['ws_url'].partition('/ws')[2]}" for key, one in made.items()}
    fresh = (await api.call("POST", f"{path}/token", key=leaver)).json()["ws_url"]
    async with reading(urls[leaver]) as gone, reading(urls[stays]) as kept:
      assert (await api.call("DELETE", path, key=leaver)).status_code == 200
      assert "4500" in await gone.end()
      for _ in range(3):
        await kept.event()
    for url in (urls[leaver], fresh):
      with pytest.raises(Disconnected):
        async with reading(url) as socket:
          await socket.event()
    # It may come back, with a token of its own, and the other may go.
    back = (await api.create(ticks(), key=leaver)).json()["ws_url"]
    assert (await api.call("DELETE", path, key=stays)).status_code == 200
    async with reading(back) as socket:
      await socket.event()
    assert (await api.call("DELETE", path, key=leaver)).status_code == 200
    with pytest.raises(Disconnected):
      async with reading(back) as socket:
        await socket.event()


async def test_streams_are_there_again_after_a_restart(tmp_path):
  async with serving(tmp_path) as api:
    made = (await api.create(ticks())).json()
    (listed,) = (await api.call("GET", "/v1/streams")).json()
  async with serving(tmp_path) as api:
    (again,) = (await api.call("GET", "/v1/streams")).json()
    assert again == listed
    # Its tokens are valid still.
    path = made["ws_url"].partition("/ws/")[2]
    async with reading(f"{api.server.addresses['broker'][0]}/ws/{path}") as socket:
      await socket.event()
    assert (await api.create(ticks())).status_code == 200


async def test_until_all_streams_are_back_none_is_said_not_to_exist():
  class Empty:
    async def all(self):
      return []

  streams = Streams(None, Empty(), None)
  with pytest.raises(ApiError) as early:
    streams.entry("0123456789abcdef", "ann")
  assert (early.value.status, early.value.headers) == (503, {"Retry-After": "1"})
  await streams.restore()
  with pytest.raises(ApiError) as late:
    streams.entry("0123456789abcdef", "ann")
  assert late.value.status == 404


@pytest.mark.parametrize("damage", ["emptied", "zeroed", "a page is zeros", "another table"])
async def test_a_table_that_lost_what_it_held_is_not_taken_for_an_empty_one(tmp_path, damage):
  async with serving(tmp_path) as api:
    await api.create(ticks())
  path = tmp_path / "streams.db"
  whole = path.read_bytes()
  if damage == "another table":
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as table:
      table.execute("CREATE TABLE other (a)")
  else:
    kept = {"emptied": 0, "zeroed": 0, "a page is zeros": 4096}[damage]
    path.write_bytes(whole[:kept] + bytes(0 if damage == "emptied" else len(whole) - kept))
  with pytest.RaisesGroup(pytest.RaisesExc(BondError, match=str(path)), flatten_subgroups=True):
    async with serving(tmp_path):
      pass


async def test_a_table_that_cannot_be_used_is_closed_again(tmp_path):
  path = tmp_path / "streams.db"
  with contextlib.closing(sqlite3.connect(path)) as table:
    table.execute("CREATE TABLE other (a)")
  store = Store(path)
  with pytest.raises(BondError, match="is damaged"):
    await store.open()
  with pytest.raises(sqlite3.ProgrammingError, match="closed"):
    await store.all()


async def test_the_table_is_there_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
  def die(file):
    raise OSError(5, "Input/output error")

  monkeypatch.setattr(os, "fsync", die)
  with pytest.raises(BondError, match="cannot be opened"):
    await Store(tmp_path / "streams.db").open()
  assert list(tmp_path.iterdir()) == []


async def test_without_a_folder_streams_are_kept_in_memory():
  store = Store(None)
  await store.open()
  await store.add(StoredStream("a" * 16, {}, 1.0, frozenset()), "ann")
  assert [one.id for one in await store.all()] == ["a" * 16]
  await store.close()


async def test_a_live_server_makes_up_no_chain_for_a_caller(tmp_path, monkeypatch):
  for name in ("EVM_ENDPOINT", "GRPC_ENDPOINT", "ONCHAIN_MODE"):
    monkeypatch.delenv(name, raising=False)
  specs = {
    use: {"sources": {"it": {"use": use}}}
    for use in ("onchain.evm", "onchain.solana", "clock.ticks")
  }
  async with serving(tmp_path) as api:
    answers = {use: await api.create(spec) for use, spec in specs.items()}
    assert [answer.status_code for answer in answers.values()] == [422, 422, 201]
    assert "EVM_ENDPOINT, or allow" in answers["onchain.evm"].json()["detail"]
    assert "GRPC_ENDPOINT" in answers["onchain.solana"].json()["detail"]
    # A node that the caller names is one.
    spec = {"sources": {"it": {"use": "onchain.evm", "with": {"url": "wss://example.com/"}}}}
    assert (await api.create(spec)).status_code == 201
    # The operator may say that it is to be simulated.
    monkeypatch.setenv("ONCHAIN_MODE", "mock")
    assert (await api.create(specs["onchain.solana"])).status_code == 201
    assert (await api.create(specs["onchain.evm"])).status_code == 422


@pytest.mark.parametrize("kept", [True, False])
async def test_a_stream_that_does_not_run_says_why(tmp_path, monkeypatch, kept):
  async with serving(tmp_path) as api:
    made = (await api.create(ticks())).json()["stream_id"]
    (running,) = api.server.streams.running
    if kept:
      # What has ended by itself and not failed, as a source that has nothing more.
      for reader in running.pipeline.readers.values():
        reader.source.stop()
      with trio.fail_after(60):
        while not running.status().ended:
          await trio.sleep(0.01)
    else:
      await running.end()
    shown = (await api.call("GET", f"/v1/streams/{made}")).json()
    assert shown["running"] is False
    assert "POST its spec again" in shown["problem"]


async def test_a_table_of_an_earlier_version_is_read(tmp_path):
  path = tmp_path / "streams.db"
  store = Store(path)
  await store.open()
  await store.add(StoredStream("a" * 16, {}, 1.0, frozenset()), "ann")
  await store.close()
  table = sqlite3.connect(path)
  with table:
    table.execute("DROP TABLE joined")
  table.close()
  await store.open()
  (found,) = await store.all()
  await store.close()
  assert found.owners == {"ann"}
  assert not found.named("ann")


async def test_a_stream_that_cannot_start_again_stays_and_says_why(tmp_path, caplog):
  async with serving(tmp_path) as api:
    made = (await api.create(ticks())).json()["stream_id"]
  table = sqlite3.connect(tmp_path / "streams.db")
  with table:
    table.execute("UPDATE streams SET document = replace(document, 'clock.ticks', 'gone.ticks')")
  table.close()
  async with serving(tmp_path) as api:
    (listed,) = (await api.call("GET", "/v1/streams")).json()
    assert (listed["stream_id"], listed["running"]) == (made, False)
    assert "no plugin 'gone' is installed" in listed["problem"]
    assert (await api.call("GET", "/ready")).status_code == 200
    assert (await api.call("DELETE", f"/v1/streams/{made}")).status_code == 200
  assert "gone" in caplog.text
