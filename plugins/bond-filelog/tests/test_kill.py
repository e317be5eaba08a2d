"""kill -9 at any moment: what was acknowledged is there, once, and no number means two events."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bond_filelog.store import Store
from kept_events import all_of, numbers

CHILD = Path(__file__).with_name("crash_child.py")


def opened(folder):
  return Store(folder / "market", keep_ms=86_400_000, size=1024 * 1024)


def lives(folder, mode, seed, count):
  """Kills one process after the other in the same folder and looks at what each one left."""
  chance = random.Random(seed)
  kept, held = [], []
  with subprocess.Popen(
    [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as mother:
    for life in range(count):
      mother.stdin.write(f"{folder} {mode} {seed + life}\n")
      mother.stdin.flush()
      reported = []
      target = chance.choice([0, 1, 2, 5, 15])
      pid = None
      for line in mother.stdout:
        word, _, number = line.strip().partition(" ")
        if word == "pid":
          pid = int(number)
        elif word in ("first", "kept"):
          reported.append(int(number))
        if word == "dead":
          break
        if pid is not None and len(reported) > target:
          time.sleep(chance.random() * 0.004)
          os.kill(pid, signal.SIGKILL)
          pid = None
      first, *acknowledged = reported
      kept.append((first, acknowledged[-1] if acknowledged else first - 1))
      assert first > max(held, default=0)
      store = opened(folder)
      held = numbers(all_of(store, store.oldest, limit=2000), 200)
      assert not store.finished
      oldest, head = store.oldest, store.head
      store.close()
      for begin, end in kept:
        assert held_between(held, begin, end) == max(0, end - max(begin, oldest) + 1)
      assert head == held[-1] if held else not acknowledged
    mother.stdin.close()
  return kept, oldest


def held_between(held, begin, end):
  return sum(begin <= number <= end for number in held)


@pytest.mark.parametrize("mode", ["process", "power"])
def test_no_acknowledged_event_is_lost_or_doubled(tmp_path, mode):
  kept, oldest = lives(tmp_path, mode, 1, 20)
  assert sum(end - first + 1 for first, end in kept) > 3_000
  assert oldest > 1  # segments were sealed and dropped meanwhile


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["process", "power"])
def test_no_acknowledged_event_is_lost_or_doubled_in_a_thousand_kills(tmp_path, mode):
  for seed in range(10):
    folder = tmp_path / str(seed)
    folder.mkdir()
    lives(folder, mode, seed * 1000, 100 if mode == "process" else 20)
