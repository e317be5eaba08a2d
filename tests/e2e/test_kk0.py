"""The client that is published as kk0 0.1.6, unmodified, against a real server."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import trio
from serving import EXAMPLE, free_port, served
from shared_fixtures import shared_fixture

CLIENT = "kk0==0.1.6"
SERVED = ("--heartbeat", "1s")
PROGRAM = Path(__file__).parent / "kk0_program.py"


def cached(name):
  """A folder that outlives the run, in the user's cache."""
  home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
  return Path(home) / "bond-tests" / name


@shared_fixture("session")
def kk0_python():
  """The Python of an environment that has kk0 and what it needs, made once and kept."""
  folder = cached(f"{CLIENT.replace('==', '-')}-py{sys.version_info.major}{sys.version_info.minor}")
  python = folder / "bin" / "python"
  folder.parent.mkdir(parents=True, exist_ok=True)
  with open(folder.with_suffix(".lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not (folder / "whole").exists():
      shutil.rmtree(folder, ignore_errors=True)
      venv.create(folder, with_pip=False)
      installed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", CLIENT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
      )
      if installed.returncode:
        pytest.skip(f"{CLIENT} cannot be installed here: {last_line(installed.stderr)}")
      (folder / "whole").touch()
  return str(python)


def last_line(text):
  return (text.strip().splitlines() or ["pip said nothing"])[-1]


@shared_fixture("module")
def told(kk0_python):
  """What the programs with kk0 told, by what they did."""
  found = {}
  port = free_port()

  async def run(what, path, task_status=trio.TASK_STATUS_IGNORED):
    process = await trio.lowlevel.open_process(
      [kk0_python, str(PROGRAM), what, f"ws://127.0.0.1:{port}{path}"],
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
    )
    said = b""
    async with process.stdout, process.stderr:
      async for data in process.stdout:
        said += data
        if said.startswith(b"ready\n"):
          said = said.removeprefix(b"ready\n")
          task_status.started()
      errors = b"".join([data async for data in process.stderr])
    assert await process.wait() == 0, errors.decode()
    found[what] = json.loads(said)

  async def everything():
    async with trio.open_nursery() as nursery:
      async with served(EXAMPLE, *SERVED, port=port), trio.open_nursery() as before:
        before.start_soon(run, "subscribe", "/stream")
        before.start_soon(run, "raw", "/raw?channels=trades,ticker&exchange=binance&mode=any")
        await nursery.start(run, "restart-raw", "/raw?channels=trades")
        await nursery.start(run, "restart-stream", "/stream")
      async with served(EXAMPLE, *SERVED, port=port):
        while len(found) < 4:
          await trio.sleep(0.05)

  trio.run(everything)
  return found


def test_it_subscribes_and_iterates_trades(told):
  ack, *_ = told["subscribe"]["events"]
  assert (ack["type"], ack["status"]) == ("system", "subscribed")
  assert ack["received"]["symbols"] == ["BTC/USDT"]
  assert ack["rejected"] == []
  trades = [event for event in told["subscribe"]["events"] if event["type"] == "trade"]
  assert len(trades) >= 20
  for trade in trades:
    assert isinstance(trade["price"], float)
    assert isinstance(trade["size"], float)
    assert (trade["exchange"], trade["symbol"]) == ("binance", "BTC/USDT")
    assert trade["side"] in ("buy", "sell")
    assert trade["ts_event"] > 1.6e12
  numbers = [trade["seq_internal"] for trade in trades]
  assert numbers == sorted(set(numbers))


def test_heartbeats_reach_its_hook(told):
  first, second, *_ = told["subscribe"]["beats"]
  assert first["exchange"] == "system"
  assert first["raw"] == {"status": "ok"}
  # On a busy machine the venue may not be reached yet when the first goes out.
  assert {"binance": "simulated"} in [b["info"]["sources"] for b in told["subscribe"]["beats"]]
  assert second["ts_event"] > first["ts_event"]
  assert second["info"]["seq"] >= first["info"]["seq"]


def test_it_reads_raw_without_subscribing(told):
  events = told["raw"]["events"]
  assert {event["type"] for event in events} == {"trade", "ticker", "heartbeat"}
  assert {event["symbol"] for event in events if event["type"] == "trade"} > {"BTC/USDT"}


def test_on_raw_it_goes_on_by_itself_after_a_restart(told):
  assert len(told["restart-raw"]["before"]) >= 5
  assert len(told["restart-raw"]["after"]) >= 10


def test_on_stream_it_comes_back_after_a_restart_and_can_be_subscribed_again(told):
  trades = told["restart-stream"]["trades"]
  restart = trades.index("again")
  assert restart >= 5
  assert len(trades[restart + 1 :]) >= 10
  assert told["restart-stream"]["beats"] >= 2
