"""A simulated venue and `bond run` against it, each a process of its own, as a user has them."""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared"))
BOND = [sys.executable, "-m", "bond_core"]


def recorded(path):
  """A recorded file below shared/data, or a skip that says so."""
  file = SHARED / "data" / path
  if not file.exists():
    pytest.skip(f"the recorded frames {path} are not on this machine")
  return str(file)


class Simulator:
  """A running `bond sim binance`."""

  def __init__(self, endpoint):
    self.endpoint = endpoint

  def control(self, path, body=None):
    """What the control endpoint answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{self.endpoint}/_sim/{path}", data=data)
    with urllib.request.urlopen(request, timeout=60) as answer:
      return json.loads(answer.read())

  async def finished(self):
    """Returns when its recording has been played, and a little later."""
    with trio.fail_after(60):
      while not (await trio.to_thread.run_sync(self.control, "stats"))["finished"]:
        await trio.sleep(0.2)
    await trio.sleep(1)


@asynccontextmanager
async def simulator(*arguments, venue="binance"):
  """`bond sim VENUE` with these arguments, until the block is left."""
  process = await trio.lowlevel.open_process(
    [*BOND, "sim", venue, "--port", "0", "--json", "--until-eof", *arguments],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  )
  try:
    line = b""
    with trio.fail_after(60):
      while b"\n" not in line:
        data = await process.stdout.receive_some()
        assert data, "the simulator did not start"
        line += data
    yield Simulator(json.loads(line)["endpoint"])
  finally:
    with trio.CancelScope(shield=True):
      await process.stdin.aclose()
      with trio.move_on_after(5):
        await process.wait()
      process.kill()
      await process.wait()
      await process.stdout.aclose()


class Ran:
  """What a finished `bond run --json` left behind."""

  def __init__(self, done):
    self.code = done.returncode
    self.errors = done.stderr.decode()
    self.events = [json.loads(line) for line in done.stdout.splitlines()]

  def of(self, kind, **fields):
    """The events of a type, in order, whose fields have these values."""
    return [
      e
      for e in self.events
      if e["type"] == kind and all(e[name] == value for name, value in fields.items())
    ]


async def bond_run(spec, folder, *arguments, name="spec", until=None):
  """Runs a spec (as text) to its end, or until `until()` has returned."""
  path = Path(folder) / f"{name}.yaml"
  path.write_text(spec)
  command = [*BOND, "run", str(path), "--json", *arguments]
  ran = None

  async def run(task_status):
    nonlocal ran
    ran = await trio.run_process(
      command, capture_stdout=True, capture_stderr=True, check=False, task_status=task_status
    )

  async with trio.open_nursery() as nursery:
    process = await nursery.start(run)
    if until is not None:
      await until()
      process.terminate()
  return Ran(ran)


def apply(book, event):
  """Applies a book event in wire form to ({price: size}, {price: size})."""
  if event["update_type"] == "snapshot":
    return dict(map(tuple, event["bids"])), dict(map(tuple, event["asks"]))
  for side, levels in zip(book, (event["bids"], event["asks"]), strict=True):
    for price, size in levels:
      if size:
        side[price] = size
      else:
        side.pop(price, None)
  return book
