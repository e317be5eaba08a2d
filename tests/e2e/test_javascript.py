"""The client that stands in docs/protocol.md, in a real Node, against a real server: it loses
nothing when its connection breaks, and says so when the server has begun anew."""

import json
import re
import shutil
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from serving import EXAMPLE, Proxy, free_port, served
from trio_websocket import open_websocket_url
from venue import ROOT

PROGRAM = """
import { listen } from "./bond.mjs";
const say = (kind) => (message) => console.log(JSON.stringify([kind, message]));
const kinds = ["event", "gap", "live", "heartbeat", "rejected", "error"];
const on = Object.fromEntries(kinds.map((kind) => [kind, say(kind)]));
on.end = (code, reason) => console.log(JSON.stringify(["end", { code, reason }]));
const stop = listen(process.argv[2], JSON.parse(process.argv[3]), on);
process.stdin.resume().on("end", stop);
"""
WANTED = [
  {"channels": ["trades"], "symbols": ["BTC/USDT"], "exchanges": ["binance"]},
  {"channels": ["trades", "ticker"], "symbols": ["ETH/USDT"], "policy": "lossless"},
]


@pytest.fixture(scope="module")
def node():
  """A command that runs JavaScript with a WebSocket in it."""
  found = shutil.which("node")
  if found is None:
    pytest.skip("node is not installed, so the client of docs/protocol.md does not run")
  for flags in ([], ["--experimental-websocket"]):
    command = [found, "--no-warnings", *flags]
    asked = subprocess.run(
      [*command, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"]
    )
    if asked.returncode == 0:
      return command
  pytest.skip("this node has no WebSocket; version 22 has, and 20.10 with a flag")


class Program:
  """The client at work. `said` are its lines: what kind, and the message."""

  def __init__(self, process):
    self.process = process
    self.said = []
    self._rest = b""

  def of(self, kind):
    return [message for one, message in self.said if one == kind]

  async def until(self, satisfied, seconds=30):
    """Reads its lines until something is true of them."""
    with trio.fail_after(seconds):
      while not satisfied():
        data = await self.process.stdout.receive_some()
        assert data, "the program has ended"
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.said += map(json.loads, lines)

  async def until_more(self, kind, count):
    wanted = len(self.of(kind)) + count
    await self.until(lambda: len(self.of(kind)) >= wanted)


def client_of_the_page():
  """The client, with waits that suit a test."""
  page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
  client = re.search(r"^```js\n(.*?)^```", page, re.S | re.M)[1]
  for usual, shorter in (
    ("SILENT_MS = 65_000;", "SILENT_MS = 2_000;"),
    ("LONGEST_WAIT_MS = 30_000;", "LONGEST_WAIT_MS = 400;"),
  ):
    assert usual in client
    client = client.replace(usual, shorter)
  return client


@asynccontextmanager
async def running(node, folder, port, query=""):
  """The client of the page, following WANTED at a port until the block is left."""
  (folder / "bond.mjs").write_text(client_of_the_page(), encoding="utf-8")
  (folder / "main.mjs").write_text(PROGRAM, encoding="utf-8")
  url = f"ws://127.0.0.1:{port}/stream{query}"
  process = await trio.lowlevel.open_process(
    [*node, str(folder / "main.mjs"), url, json.dumps(WANTED)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  try:
    yield Program(process)
    await process.stdin.aclose()
    with trio.fail_after(10):
      # Told to stop, it ends by itself: nothing of it is left running.
      assert await process.wait() == 0
  finally:
    with trio.CancelScope(shield=True):
      if process.poll() is None:
        process.kill()
        await process.wait()
      await process.stdin.aclose()
      await process.stdout.aclose()


async def uninterrupted(port, until):
  """What one reader who is never cut off gets of the same wishes from the beginning of the log."""
  events = []
  url = f"ws://127.0.0.1:{port}/stream"
  async with open_websocket_url(url, disconnect_timeout=1) as socket:
    await socket.send_message('{"type":"subscriptions"}')
    epoch = json.loads(await socket.get_message())["epoch"]
    for wish in WANTED:
      await socket.send_message(json.dumps({"type": "subscribe", **wish, "from": f"{epoch}:0"}))
    live = 0
    while live < len(WANTED) or events[-1]["seq_internal"] < until:
      message = json.loads(await socket.get_message())
      live += message["type"] == "live"
      if message["type"] in ("trade", "ticker"):
        events.append(message)
  return events


class Ran:
  """What came of it: a client whose connection was cut, went silent, and was cut again, one whose
  server was started anew, and one that was not let in."""


@pytest.fixture(scope="module")
def ran(node, tmp_path_factory):
  found = Ran()
  folder = tmp_path_factory.mktemp("javascript")
  port = free_port()

  async def be_cut(port):
    async with trio.open_nursery() as nursery:
      found.proxy = Proxy(port)
      await nursery.start(found.proxy.run)
      async with running(node, folder, found.proxy.port) as program:
        await program.until(lambda: len(program.of("event")) >= 20 and program.of("heartbeat"))
        for breaks in (found.proxy.cut, found.proxy.stall, found.proxy.cut):
          breaks()
          # Both subscriptions have caught up, and new events come again.
          await program.until_more("live", len(WANTED))
          await program.until_more("event", 20)
      found.cut = program
      nursery.cancel_scope.cancel()
    last = max(event["seq_internal"] for event in program.of("event"))
    found.reference = await uninterrupted(port, last)

  async def be_refused(port):
    async with running(node, folder, port, "?token=nonsense") as program:
      await program.until(lambda: program.of("end"))
    found.refused = program

  async def everything():
    async with AsyncExitStack() as stack:
      async with served(EXAMPLE, port=port), trio.open_nursery() as nursery:
        nursery.start_soon(be_cut, port)
        nursery.start_soon(be_refused, port)
        found.restarted = await stack.enter_async_context(running(node, folder, port))
        await found.restarted.until(lambda: len(found.restarted.of("event")) >= 5)
      async with served(EXAMPLE, port=port):
        program = found.restarted
        await program.until(lambda: len(program.of("gap")) >= len(WANTED))
        await program.until_more("event", 5)

  trio.run(everything)
  return found


def test_a_client_whose_connection_breaks_loses_and_doubles_nothing(ran):
  assert ran.proxy.connections == 4
  numbers = [event["seq_internal"] for event in ran.cut.of("event")]
  wanted = [event["seq_internal"] for event in ran.reference]
  first, last = min(numbers), max(numbers)
  assert sorted(numbers) == sorted(n for n in wanted if first <= n <= last)
  assert len(numbers) >= 80
  for kind in ("gap", "error", "rejected", "end"):
    assert ran.cut.of(kind) == []


def test_every_event_of_a_market_comes_in_order_over_all_connections(ran):
  for symbol in ("BTC/USDT", "ETH/USDT"):
    events = [event for event in ran.cut.of("event") if event["symbol"] == symbol]
    numbers = [event["seq_internal"] for event in events]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 5


def test_a_server_that_began_anew_is_told_as_a_loss_and_followed_again(ran):
  said = [kind for kind, _ in ran.restarted.said]
  # The log was in memory: nobody can say what was missed, and the client is told just that.
  gaps = ran.restarted.of("gap")
  assert [gap["reason"] for gap in gaps] == ["expired"] * len(WANTED)
  assert [gap["ids"] for gap in gaps] == [[0], [1]]
  assert "event" in said[said.index("gap") :]
  assert ran.restarted.of("end") == []
  assert ran.restarted.of("error") == []


def test_a_client_that_is_not_let_in_says_why_and_does_not_come_back(ran):
  assert [error["name"] for error in ran.refused.of("error")] == ["bad_token"]
  assert [end["code"] for end in ran.refused.of("end")] == [4500]
