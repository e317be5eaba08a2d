"""The clients that the documentation names, against a real server. The package kk0 for JavaScript,
in a real Node, loses nothing when its connection breaks or its server is started again, and says
so when the server has lost its log."""

import json
import re
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from serving import EXAMPLE, Proxy, free_port, served
from shared_fixtures import shared_fixture
from trio_websocket import open_websocket_url
from venue import ROOT

from tests import javascript

PROGRAM = """
import { Refused, Stream } from "kk0";
import WebSocket from "ws";
const say = (kind, message) => console.log(JSON.stringify([kind, message]));
const options = { WebSocket, silentAfter: 3_000, reconnectAfter: 100 };
const stream = new Stream(process.argv[2], options);
for (const one of JSON.parse(process.argv[3])) stream.subscribe(one);
process.stdin.resume().on("end", () => stream.close());
try {
  for await (const message of stream) {
    if (message.type === "system") for (const one of message.rejected) say("rejected", one);
    say(["trade", "ticker"].includes(message.type) ? "event" : message.type, message);
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  say("end", { code: error.code, reason: error.reason });
}
"""
WANTED = [
  {"channels": ["trades"], "symbols": ["BTC/USDT"], "exchanges": ["binance"]},
  {"channels": ["trades", "ticker"], "symbols": ["ETH/USDT"], "policy": "lossless"},
]


@shared_fixture("module")
def node():
  """A command that runs JavaScript."""
  try:
    javascript.built()
    return [javascript.node()]
  except javascript.Unavailable as exc:
    pytest.skip(str(exc))


class Lines:
  """What a program prints, each line of it read by `read`."""

  def __init__(self, process, read=bytes.decode):
    self._read = read
    self.process = process
    self.lines = []
    self._rest = b""

  async def until(self, satisfied, seconds=60):
    """Reads until something is true of it."""
    with trio.fail_after(seconds):
      while not satisfied():
        data = await self.process.stdout.receive_some()
        assert data, "the program has ended"
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.lines += map(self._read, lines)


class Program(Lines):
  """The client at work. `said` is what kind of message, and the message."""

  def __init__(self, process):
    super().__init__(process, json.loads)
    self.said = self.lines

  def of(self, kind):
    return [message for one, message in self.said if one == kind]

  async def until_it_is_back(self):
    """Reads until it has another connection, and each of its subscriptions gets events again."""
    beats = len(self.of("heartbeat"))
    # Each connection begins with a heartbeat, and none of them lives for the 30 s to the next.
    await self.until(lambda: len(self.of("heartbeat")) > beats)
    before = len(self.said)

    def both_go_on():
      events = [message for kind, message in self.said[before:] if kind == "event"]
      return all(len(numbers_of(events, symbol)) >= 5 for symbol in ("BTC/USDT", "ETH/USDT"))

    await self.until(both_go_on)


def installed(folder):
  """A folder as npm leaves it where somebody has installed kk0 and ws."""
  modules = folder / "node_modules"
  if not modules.exists():
    modules.mkdir()
    (modules / "kk0").symlink_to(javascript.CLIENT)
    (modules / "ws").symlink_to(javascript.CLIENT / "node_modules" / "ws")
  return folder


@asynccontextmanager
async def running(node, folder, port, query=""):
  """The client, following WANTED at a port until the block is left."""
  (installed(folder) / "main.mjs").write_text(PROGRAM, encoding="utf-8")
  url = f"ws://127.0.0.1:{port}/stream{query}"
  process = await trio.lowlevel.open_process(
    [*node, str(folder / "main.mjs"), url, json.dumps(WANTED)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  try:
    yield Program(process)
    await process.stdin.aclose()
    with trio.fail_after(180):
      # What it still prints would fill the pipe, and it would wait for a reader and not end.
      while await process.stdout.receive_some():
        pass
      # Told to stop, it ends by itself: nothing of it is left running. ws gives a server that is
      # gone 30 s to answer its close.
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
  server was started anew, with its log and then without, one that was not let in, the Python of the
  README, and the JavaScript of its pages."""


@shared_fixture("module")
def ran(node, tmp_path_factory):
  found = Ran()
  folder = tmp_path_factory.mktemp("pages")
  port = free_port()
  data = folder / "data"

  async def be_cut():
    async with trio.open_nursery() as nursery:
      found.proxy = Proxy(port)
      await nursery.start(found.proxy.run)
      async with running(node, folder, found.proxy.port) as program:
        await program.until(lambda: len(program.of("event")) >= 20 and program.of("heartbeat"))
        for breaks in (found.proxy.cut, found.proxy.stall, found.proxy.cut):
          breaks()
          await program.until_it_is_back()
      nursery.cancel_scope.cancel()
    found.cut = program
    found.cut_reference = await uninterrupted(port, last_number(program))

  async def be_refused():
    async with running(node, folder, port, "?token=nonsense") as program:
      await program.until(lambda: program.of("end"))
    found.refused = program

  async def be_read_in_python():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code, *_ = re.findall(r"^```python\n(from websockets.*?)^```", text, re.S | re.M)
    assert "localhost:8080" in code
    process = await trio.lowlevel.open_process(
      [sys.executable, "-u", "-c", code.replace("localhost:8080", f"127.0.0.1:{port}")],
      stdout=subprocess.PIPE,
    )
    program = found.python = Lines(process)
    await program.until(lambda: len(program.lines) >= 5)
    process.terminate()
    await process.wait()
    await process.stdout.aclose()

  async def be_read_in_javascript():
    found.javascript = {}
    for page in ("sdk/js/README.md", "docs/javascript.md"):
      text = (ROOT / page).read_text(encoding="utf-8")
      code, *_ = re.findall(r"^```js\n(.*?)^```", text, re.S | re.M)
      assert "localhost:8080" in code
      file = installed(folder) / "page.mjs"
      file.write_text(code.replace("localhost:8080", f"127.0.0.1:{port}"), encoding="utf-8")
      process = await trio.lowlevel.open_process([*node, str(file)], stdout=subprocess.PIPE)
      program = found.javascript[page] = Lines(process)
      await program.until(lambda program=program: len(program.lines) >= 5)
      process.terminate()
      await process.wait()
      await process.stdout.aclose()

  async def everything():
    async with AsyncExitStack() as stack:
      async with served(EXAMPLE, port=port, data=data), trio.open_nursery() as nursery:
        for task in (be_cut, be_refused, be_read_in_python, be_read_in_javascript):
          nursery.start_soon(task)
        program = found.restarted = await stack.enter_async_context(running(node, folder, port))
        await program.until(lambda: len(program.of("event")) >= 5)
      async with served(EXAMPLE, port=port, data=data):
        await program.until_it_is_back()
        found.number_of_kept = len(program.said)
        found.kept_reference = await uninterrupted(port, last_number(program))
      async with served(EXAMPLE, port=port):
        await program.until_it_is_back()

  trio.run(everything)
  return found


def last_number(program):
  return max(event["seq_internal"] for event in program.of("event"))


def numbers_of(events, symbol):
  return [event["seq_internal"] for event in events if event["symbol"] == symbol]


def assert_same(events, reference):
  """Each market's events are those of the reference from the first to the last of them, in order:
  nothing is lost and nothing doubled. (The two subscriptions do not begin at the same moment.)"""
  for symbol in ("BTC/USDT", "ETH/USDT"):
    numbers = numbers_of(events, symbol)
    assert len(numbers) > 5
    first, last = numbers[0], numbers[-1]
    assert numbers == [n for n in numbers_of(reference, symbol) if first <= n <= last]


def test_a_client_whose_connection_breaks_loses_and_doubles_nothing(ran):
  # One more where a busy machine was silent for longer than the client has patience.
  assert ran.proxy.connections >= 4
  assert_same(ran.cut.of("event"), ran.cut_reference)
  for kind in ("gap", "error", "rejected", "end"):
    assert ran.cut.of(kind) == []


def test_a_client_goes_on_where_it_was_after_the_server_was_started_again(ran):
  said = ran.restarted.said[: ran.number_of_kept]
  assert_same([message for kind, message in said if kind == "event"], ran.kept_reference)
  # What the venue sent while no server ran is missing, and declared, once for each subscription.
  gaps = [message for kind, message in said if kind == "gap"]
  assert {(gap["reason"], gap["cause"]) for gap in gaps} == {
    ("upstream", "nothing was received while bond was not running")
  }


def test_a_server_that_has_lost_its_log_is_told_as_a_loss_and_followed_again(ran):
  said = ran.restarted.said[ran.number_of_kept :]
  # Nobody can say what was missed, and the client is told just that.
  gaps = [message for kind, message in said if kind == "gap"]
  assert [gap["reason"] for gap in gaps] == ["expired"] * len(WANTED)
  assert [gap["ids"] for gap in gaps] == [[0], [1]]
  assert any(kind == "event" for kind, _ in said)
  assert ran.restarted.of("end") == []
  assert ran.restarted.of("error") == []


def test_a_client_that_is_not_let_in_says_why_and_does_not_come_back(ran):
  assert [error["name"] for error in ran.refused.of("error")] == ["bad_token"]
  assert [end["code"] for end in ran.refused.of("end")] == [4500]


def test_the_python_of_the_readme_prints_trades(ran):
  types = [json.loads(line)["type"] for line in ran.python.lines]
  assert types[0] == "system"
  assert "trade" in types


def test_the_javascript_of_the_pages_prints_trades(ran):
  for program in ran.javascript.values():
    assert all(re.match(r"(binance|bybit|okx) [\d.]+ [\d.e-]+$", line) for line in program.lines)
