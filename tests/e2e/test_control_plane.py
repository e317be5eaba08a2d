"""Streams made over HTTP, whose server is killed in the middle of its work."""

import json
import re
import urllib.request

import pytest
import trio
from serving import free_port, served
from venue import ROOT

from bond_core._ws.client import open_websocket


async def call(url, path, body=None):
  data = None if body is None else json.dumps(body).encode()
  request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})

  def work():
    with urllib.request.urlopen(request, timeout=60) as answer:
      return json.loads(answer.read())

  return await trio.to_thread.run_sync(work)


async def read(url, count):
  """What a stream gives, until that many windows have come."""
  got = []
  async with open_websocket(url) as socket:
    while sum("seq" in message for message in got) < count:
      with trio.fail_after(60):
        got += [m for m in map(json.loads, await socket.receive()) if m.get("type") != "heartbeat"]
  return got


async def handshakes(url):
  """The status of each handshake, and when to come back, up to the one that is taken."""
  where, _, target = url.removeprefix("ws://").partition("/")
  port = int(where.rpartition(":")[2])
  asks = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
  asks += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
  found = []
  with trio.fail_after(60):
    while True:
      async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(f"GET /{target} HTTP/1.1\r\nHost: {where}\r\n{asks}\r\n".encode())
        head = (await stream.receive_some()).decode(errors="replace")
      found.append((int(head.split()[1]), *re.findall(r"Retry-After: (\d+)", head)))
      if found[-1][0] == 101:
        return found
      await trio.sleep(0.05)


async def commands_of_the_page(api, stream_id):
  """What the commands of docs/rest.md answer, one after the other."""
  page = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
  answers = []
  for command in re.findall(r"^```sh\n(curl .*?)^```", page, re.S | re.M):
    command = command.replace("localhost:8000", api).replace("STREAM_ID", stream_id)
    done = await trio.run_process(["sh", "-c", command], capture_stdout=True)
    answers.append(json.loads(done.stdout))
  return answers


@pytest.fixture(scope="module")
def told(tmp_path_factory):
  """What a client got of a stream before its server was killed, and after it was started again."""
  found = {}
  data, port = tmp_path_factory.mktemp("control-plane"), free_port()

  async def everything():
    async with served(data=data, port=port) as server:
      api = await server.told(rb"(?<=api: )http://127\.0\.0\.1:\d+")
      request = {"natural_language": "BTC price every 1s"}
      found["made"] = made = await call(api, "/v1/streams", request)
      found["before"] = await read(made["ws_url"], 3)
      server.kill()
    async with served(data=data, port=port) as server:
      found["handshakes"] = await handshakes(made["ws_url"])
      api = await server.told(rb"(?<=api: )http://127\.0\.0\.1:\d+")
      found["listed"] = await call(api, "/v1/streams")
      # The token of before, from the beginning of what is kept.
      url = f"{made['ws_url']}&from=now-1h"
      found["after"] = await read(url, 8)
      found["again"] = await call(api, "/v1/streams", request)
      found["page"] = await commands_of_the_page(api, made["stream_id"])

  trio.run(everything)
  return found


def test_a_stream_runs_again_after_its_server_was_killed(told):
  (listed,) = told["listed"]
  assert listed["running"] is True
  assert listed["stream_id"] == told["made"]["stream_id"] == told["again"]["stream_id"]
  assert listed["spec"] == told["made"]["spec"]


def test_a_client_that_comes_back_before_its_stream_is_told_to_come_again(told):
  # The broker listens long before the control plane has begun.
  assert told["handshakes"][-1] == (101,)
  assert set(told["handshakes"][:-1]) == {(503, "1")}


def test_what_was_kept_is_read_again_and_every_number_is_there_or_declared(told):
  before = {m["seq"]: m for m in told["before"] if "seq" in m}
  after = {m["seq"]: m for m in told["after"] if "seq" in m}
  assert all(after[number] == before[number] for number in before.keys() & after.keys())
  assert max(after) > max(before)
  reached = 0
  for message in told["after"]:
    if message.get("type") == "gap":
      if message["from_seq"] is not None:
        assert message["from_seq"] <= reached + 1
        reached = max(reached, message["to_seq"])
      number = message["seq_internal"]
    else:
      number = message.get("seq", message.get("seq_internal"))
    if number is not None and number > reached:
      assert number == reached + 1, f"{reached + 1} to {number - 1} are missing and not declared"
      reached = number


def test_the_commands_of_the_page_do_what_it_says(told):
  english, spec, listed, token, metrics, deleted, sources = told["page"]
  stream = told["made"]["stream_id"]
  assert english["stream_id"] == stream
  assert {one["stream_id"] for one in listed} == {stream, spec["stream_id"]}
  assert token["ws_url"].endswith(token["token"])
  assert metrics["msgs_out"] > 0
  assert "binance" in json.dumps(sources)
  assert deleted == {"status": "deleted", "stream_id": stream}
