"""bond record and bond verify, as they are called."""

import json
import random
import subprocess
import sys
import time
from datetime import datetime
from types import SimpleNamespace

import pytest
from bond_recordings.commands.record import record_command
from bond_recordings.commands.verify import verify_command
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import event_lines, header_of
from bond_recordkit.verify import verify
from click.testing import CliRunner

from bond_core import Trade, encode
from bond_core.testing import START_MS

LIVE = "sources: {clock: {use: clock.ticks, with: {seconds: 0.02}}}"
PLAYED = """
name: trades
sources: {{tape: {{use: core.jsonl, with: {{path: {tape}}}}}}}
transforms:
  every: {{use: core.filter, from: tape, with: {{where: "price > 0"}}}}
  rows: {{use: core.window, from: tape, with: {{every: 1s, lateness: 0s}}}}
sinks: {{screen: {{use: core.print, from: rows}}}}
"""
COUNT = 500


@pytest.fixture
def spec(tmp_path):
  """One that ends by itself, and brings the same each time."""
  tape = tmp_path / "tape.jsonl"
  trades = [
    Trade(exchange="x", symbol="BTC/USDT", price=1.0, size=n, ts_event=START_MS + n * 10)
    for n in range(COUNT)
  ]
  tape.write_bytes(b"".join([encode(trade) + b"\n" for trade in trades]))
  path = tmp_path / "trades.yaml"
  path.write_text(PLAYED.format(tape=tape))
  return path


def invoked(command, *args):
  return CliRunner().invoke(command, [str(arg) for arg in args])


def test_what_a_spec_brings_and_makes_is_recorded_once(spec, tmp_path):
  path = tmp_path / "trades.jsonl.zst"
  done = invoked(record_command, spec, "-o", path)
  assert done.exit_code == 0, done.output
  assert f"{COUNT + 5} events, " in done.output
  events = [json.loads(text) for part in event_lines([path]) for text in part.lines]
  # The filter brings each of them again.
  numbers = [event["seq_internal"] for event in events if event["type"] == "trade"]
  assert numbers == list(range(1, COUNT + 1))
  assert [event["type"] for event in events].count("window") == 5
  header = header_of(path)
  assert header.epoch
  assert header.spec["transforms"]["rows"]["use"] == "core.window"
  assert header.versions["bond-clock"]
  checked = invoked(verify_command, path, "--json")
  assert checked.exit_code == 0
  assert json.loads(checked.output)["lines"] == len(events) + 1


@pytest.mark.parametrize(
  ("given", "request_"),
  [
    ("record BTC trades on binance", "BTC trades on binance"),
    ("Please record BTC price every 5s", "BTC price every 5s"),
    ("save the BTC price", "the BTC price"),
    ("BTC price and the record high", "BTC price and the record high"),
    ("record.yaml", "record.yaml"),
  ],
)
def test_a_request_may_say_the_commands_verb_again(monkeypatch, given, request_):
  seen = []

  def read(text):
    seen.append(text)
    raise SystemExit(2)

  monkeypatch.setattr("bond_recordings.commands.record.read_spec", read)
  invoked(record_command, given)
  assert seen == [request_]


@pytest.mark.parametrize(
  ("given", "options", "path", "duration"),
  [
    ("record BTC trades to btc.jsonl.zst for an hour", (), "btc.jsonl.zst", 3600),
    ("BTC trades for half an hour into 'x.jsonl'", (), "x.jsonl.zst", 1800),
    ("save BTC trades for 90s", (), "trades.jsonl.zst", 90),
    ("record BTC trades to a.jsonl.zst for 1h", ("-o", "b.jsonl.zst"), "b.jsonl.zst", 3600),
    ("record BTC trades for 1h", ("--duration", "5s"), "trades.jsonl.zst", 5),
  ],
)
def test_a_request_may_say_where_to_and_for_how_long(monkeypatch, given, options, path, duration):
  seen = {}

  def read(text):
    seen["request"] = text
    return SimpleNamespace(name="trades", warnings=[])

  def recorded(spec, target):
    seen["path"] = target.path.name
    return spec

  def run(work, spec, duration, *others):
    seen["duration"] = duration
    raise SystemExit(0)

  module = "bond_recordings.commands.record"
  monkeypatch.setattr(f"{module}.read_spec", read)
  monkeypatch.setattr(f"{module}.recorded", recorded)
  monkeypatch.setattr(f"{module}.trio.run", run)
  invoked(record_command, given, *options)
  assert seen == {"request": "BTC trades", "path": path, "duration": duration}


def test_a_request_may_not_say_a_time_that_an_option_may_not():
  done = CliRunner().invoke(record_command, ["BTC trades for 999999 days"])
  assert (done.exit_code, "longer than 366 days" in done.output) == (2, True)


def test_a_window_stands_behind_what_it_is_made_of(spec, tmp_path):
  path = tmp_path / "trades.jsonl.zst"
  invoked(record_command, spec, "-o", path)
  newest = 0
  for text in (text for part in event_lines([path]) for text in part.lines):
    event = json.loads(text)
    if event["type"] == "window":
      assert newest >= datetime.fromisoformat(event["window_end"]).timestamp() * 1000 - 10
    else:
      newest = event["ts_event"]


def test_what_is_wrong_is_said(spec, tmp_path):
  done = invoked(record_command, spec, "-o", tmp_path / "ticks.csv")
  assert (done.exit_code, "is called NAME.jsonl.zst" in done.output) == (2, True)
  letters = tmp_path / "letters.jsonl.zst"
  letters.write_text("dear all")
  done = invoked(record_command, spec, "-o", letters, "--duration", "1s")
  assert (done.exit_code, "move the file away" in done.output) == (2, True)
  assert letters.read_text() == "dear all"
  done = invoked(verify_command, letters)
  assert (done.exit_code, "is no recording" in done.output) == (2, True)


def started(spec, path):
  return subprocess.Popen(
    [sys.executable, "-m", "bond_core", "record", str(spec), "-o", str(path), "-q"],
    stdin=subprocess.DEVNULL,
  )


def wait_for(path, seconds=60.0):
  until = time.monotonic() + seconds
  while time.monotonic() < until:
    if path.exists() and path.stat().st_size:
      return
    time.sleep(0.05)
  raise AssertionError(f"nothing in {path} after {seconds} s")


@pytest.mark.parametrize("moments", [1, pytest.param(100, marks=pytest.mark.slow)])
def test_a_recorder_that_is_killed_loses_what_was_not_flushed(tmp_path, moments):
  rng = random.Random(5)
  spec = tmp_path / "clock.yaml"
  spec.write_text(LIVE)
  path = tmp_path / "ticks.jsonl.zst"
  lost = 0.0
  for _ in range(moments):
    recorder = started(spec, path)
    try:
      wait_for(path)
      time.sleep(rng.uniform(0.0, 2.0))
    finally:
      recorder.kill()
      killed_ms = time.time() * 1000
      recorder.wait()
    try:
      report = verify([path])
    except RecordingError:
      # Killed before the header was whole.
      path.unlink()
      continue
    assert report.sound, report.faults
    assert "was not closed" in " ".join(report.notes) or "within a frame" in " ".join(report.notes)
    events = [json.loads(text) for part in event_lines([path]) for text in part.lines]
    numbers = [event["seq_internal"] for event in events if event["type"] == "custom"]
    assert numbers == list(range(1, len(numbers) + 1))
    if numbers:
      newest = max(event.get("ts_event", 0) for event in events)
      lost = max(lost, killed_ms - newest)
    path.unlink()
  # A frame waits for a second.
  if moments > 1:
    assert lost < 3000
