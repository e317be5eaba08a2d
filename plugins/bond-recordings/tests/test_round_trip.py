"""What was recorded comes out again: the same windows at any speed, the same sums in Parquet."""

import json
from collections import defaultdict

import kk0
import pytest
from bond_builtin.commands.run import run_command
from bond_recordings.commands.export import export_command
from bond_recordings.commands.record import record_command
from bond_recordkit.reader import event_lines
from click.testing import CliRunner

WINDOWS = """
transforms:
  rows: {use: core.window, from: tape, with: {every: 1s, lateness: 500ms}}
"""
LIVE = """
name: live
sources:
  tape: {use: binance.trades, with: {symbols: [BTC/USDT, ETH/USDT]}}
"""
AGAIN = """
name: again
sources:
  tape: {{use: core.jsonl, with: {{path: {path}, speed: {speed}, windows: false}}}}
"""


def invoked(command, *args):
  done = CliRunner().invoke(command, [str(arg) for arg in args])
  assert done.exit_code == 0, done.output
  return done.stdout


def without_number(window):
  return {key: value for key, value in json.loads(window).items() if key != "seq"}


@pytest.mark.slow
def test_a_recording_makes_the_same_windows_at_any_speed_and_the_same_sums(tmp_path):
  path, spec = tmp_path / "live.jsonl.zst", tmp_path / "live.yaml"
  spec.write_text(LIVE + WINDOWS)
  invoked(record_command, spec, "-o", path, "--sim", "--duration", "5s")
  lines = [line for part in event_lines([path]) for line in part.lines]
  recorded = [line for line in lines if line.startswith(b'{"type":"window"')]
  assert len(recorded) >= 4

  played = []
  for speed in (1, 50, 0):
    spec.write_text(AGAIN.format(path=path, speed=speed) + WINDOWS)
    played.append(invoked(run_command, spec, "--json"))
  assert played[0] == played[1] == played[2]
  # The recorder stopped before the last ones were whole.
  again = played[0].splitlines()[: len(recorded)]
  assert list(map(without_number, again)) == list(map(without_number, recorded))

  invoked(export_command, path, "--to", "parquet", tmp_path / "out")
  sums = defaultdict(float)
  for line in lines:
    event = json.loads(line)
    if event["type"] == "trade":
      sums[event["symbol"]] += event["size"]
  frame = kk0.frame(tmp_path / "out", "trades")
  found = {symbol: rows["size"].sum() for (symbol,), rows in frame.group_by("symbol")}
  assert found == pytest.approx(sums, rel=1e-12)
