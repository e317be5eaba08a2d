"""bond listen, as a user meets it: against a running server, over its end, and against none."""

import json
import re
import signal
import subprocess

import trio
from bond_server.commands.listen import StreamProgress
from serving import free_port, served
from venue import BOND

from bond_core._events import Gap, Heartbeat, Trade, Window
from bond_core.config import counted


async def listen(*arguments):
  return await trio.run_process(
    [*BOND, "listen", *arguments], capture_stdout=True, capture_stderr=True, check=False
  )


async def api_of(server):
  return (await server.told(rb"api: (http://\S+)")).removeprefix("api: ")


async def test_a_request_becomes_a_stream_that_is_followed():
  async with served() as server:
    api = await api_of(server)
    with trio.fail_after(60):
      done = await listen("BTC price every 1s", "--server", api, "--json", "--duration", "10s")
  assert done.returncode == 0
  windows = [json.loads(line) for line in done.stdout.splitlines()]
  assert len(windows) >= 2
  assert all(window["type"] == "window" for window in windows)
  assert [window["seq"] for window in windows] == list(
    range(windows[0]["seq"], windows[0]["seq"] + len(windows))
  )
  errors = done.stderr.decode()
  assert "Price, BTC/USDT" in errors
  assert re.search(r"^stream [0-9a-f]{16}$", errors, re.M)
  assert f"{counted(len(windows), 'event')}, 0 gaps, 0 reconnects" in errors


async def test_a_token_that_expires_is_replaced_and_nothing_is_lost():
  async with served("--token-ttl", "2") as server:
    api = await api_of(server)
    with trio.fail_after(60):
      done = await listen("BTC price every 1s", "--server", api, "--json", "--duration", "14s")
  assert done.returncode == 0, done.stderr.decode()
  seqs = [json.loads(line)["seq"] for line in done.stdout.splitlines()]
  assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
  # More than one token lasted for.
  assert len(seqs) >= 4
  assert int(re.search(r"(\d+) reconnects", done.stderr.decode())[1]) >= 2


async def test_what_is_not_understood_ends_with_the_servers_sentence_and_2():
  async with served() as server:
    done = await listen("xyzzy plugh", "--server", await api_of(server))
  assert done.returncode == 2
  assert b"'xyzzy plugh' is not understood" in done.stderr
  assert done.stdout == b""


async def test_without_a_server_the_next_step_is_told_and_it_ends_with_1():
  done = await listen("BTC price", "--server", f"http://127.0.0.1:{free_port()}")
  assert done.returncode == 1
  assert b"start one with `bond serve`" in done.stderr


async def test_after_a_kill_it_goes_on_where_it_was_and_ctrl_c_ends_it_with_0(tmp_path):
  port, api_port = free_port(), free_port()
  arguments = ("--api-port", str(api_port), "--ws-host", f"127.0.0.1:{port}")
  received = []

  async def read(process):
    rest = b""
    async for data in process.stdout:
      *lines, rest = (rest + data).split(b"\n")
      received.extend(map(json.loads, lines))

  async def got(count):
    with trio.fail_after(60):
      while len(received) < count:
        await trio.sleep(0.05)

  async with trio.open_nursery() as nursery:
    async with served(*arguments, port=port, data=tmp_path) as server:
      await api_of(server)
      command = ["listen", "BTC price every 1s", "--json", "--server"]
      process = await trio.lowlevel.open_process(
        [*BOND, *command, f"http://127.0.0.1:{api_port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
      )
      nursery.start_soon(read, process)
      await got(2)
      server.kill()
    before = len(received)
    async with served(*arguments, port=port, data=tmp_path):
      await got(before + 2)
      process.send_signal(signal.SIGINT)
      with trio.fail_after(60):
        assert await process.wait() == 0
  # Every message of the stream's log has a number, also a gap of a venue.
  numbered = [one.get("seq") or one.get("seq_internal") for one in received]
  numbers = [number for number in numbered if number is not None]
  # Each number once, and what is missing is declared.
  assert len(set(numbers)) == len(numbers)
  lost = {
    number
    for one in received
    if one["type"] == "gap" and one["from_seq"] is not None
    for number in range(one["from_seq"], one["to_seq"] + 1)
  }
  missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
  assert missing <= lost


def test_the_place_is_the_greatest_number_of_the_epoch():
  place = StreamProgress()
  assert place.resume is None
  place.take(Heartbeat(raw={}, info={"epoch": "e1", "seq": 3}))
  assert place.resume == "e1:3"
  place.take(Trade(exchange="x", symbol="BTC/USDT", price=1.0, size=1.0, seq_internal=5))
  place.take(Window(ts="", window_start="", window_end="", symbol="", seq=6, raw_data={}))
  place.take(Gap(channel="*", exchange="*", symbol="*", from_seq=7, to_seq=9))
  assert place.resume == "e1:9"
  assert (place.events, place.gaps) == (2, 1)
