"""bond record and bond verify, as they are called."""

import json
import random
import subprocess
import sys
import time

import pytest
from bond_recordings.commands.record import record_command
from bond_recordings.commands.verify import verify_command
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import event_lines, header_of, segments_of
from bond_recordkit.verify import verify
from click.testing import CliRunner

SPEC = """
name: ticks
sources: {clock: {use: clock.ticks, with: {seconds: 0.02}}}
transforms:
  every: {use: core.filter, from: clock, with: {where: "exchange == 'clock'"}}
  rows: {use: core.window, from: clock, with: {every: 200ms, lateness: 0s}}
sinks: {screen: {use: core.print, from: rows}}
"""


@pytest.fixture
def spec(tmp_path):
  path = tmp_path / "ticks.yaml"
  path.write_text(SPEC)
  return path


def invoked(command, *args):
  return CliRunner().invoke(command, [str(arg) for arg in args])


def test_what_a_spec_brings_and_makes_is_recorded_once(spec, tmp_path):
  path = tmp_path / "ticks.jsonl.zst"
  done = invoked(record_command, spec, "-o", path, "--duration", "1s")
  assert done.exit_code == 0, done.output
  assert "events, " in done.output
  events = [json.loads(text) for part in event_lines([path]) for text in part.lines]
  numbers = [event["seq_internal"] for event in events if event["type"] == "custom"]
  # The filter brings each of them again.
  assert numbers == list(range(1, len(numbers) + 1))
  assert len(numbers) > 20
  assert {event["type"] for event in events} == {"custom", "window"}
  header = header_of(path)
  assert header.epoch
  assert header.spec["transforms"]["rows"]["use"] == "core.window"
  assert header.versions["bond-clock"]
  checked = invoked(verify_command, path, "--json")
  assert checked.exit_code == 0
  assert json.loads(checked.output)["lines"] == len(events) + 1


def test_a_segment_begins_when_the_one_before_is_old(spec, tmp_path):
  path = tmp_path / "ticks.jsonl.zst"
  done = invoked(record_command, spec, "-o", path, "--duration", "2.5s", "--rotate", "500ms")
  assert done.exit_code == 0, done.output
  assert len(segments_of(path)) > 1
  assert verify(segments_of(path)).sound


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


def wait_for(path, seconds=20.0):
  until = time.monotonic() + seconds
  while time.monotonic() < until:
    if path.exists() and path.stat().st_size:
      return
    time.sleep(0.05)
  raise AssertionError(f"nothing in {path} after {seconds} s")


@pytest.mark.parametrize("moments", [1, pytest.param(100, marks=pytest.mark.slow)])
def test_a_recorder_that_is_killed_loses_what_was_not_flushed(spec, tmp_path, moments):
  rng = random.Random(5)
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
  # A frame waits for a second, and a machine that is busy for longer.
  assert lost < 10_000 if moments == 1 else lost < 3000
