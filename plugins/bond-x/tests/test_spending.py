"""What was spent today outlasts the process where there is a folder for it."""

import json
import logging
import subprocess
import sys

import pytest
from bond_x.account import SIMULATED, Account, budget_of, spending_of
from bond_x.spending import DAY_MS, FILE, Ledger

from bond_core import Refused
from bond_core.config import DATA_FOLDER

NOON = 20_000 * DAY_MS + DAY_MS // 2
REAL = Account("https://api.x.com", "canary-of-a-token", charged=True)


class Process:
  """What a source sees of a process that keeps things in a folder, or of one that does not."""

  def __init__(self, folder, caller=None):
    self.caller = caller
    self._kept = {DATA_FOLDER: folder}

  def remember(self, key, make):
    return self._kept[key] if key in self._kept else self._kept.setdefault(key, make())

  def of(self, caller):
    other = Process(None, caller)
    other._kept = self._kept
    return other

  def written(self):
    """Waits until the thread has stored what was noted."""
    for kept in self._kept.values():
      if isinstance(kept, Ledger):
        kept._thread.submit(lambda: None).result(10)


def test_a_restart_is_no_new_day(tmp_path, monkeypatch):
  monkeypatch.setenv("X_SPEND_CAP", "1")
  monkeypatch.setenv("X_SPEND_CAP_EACH", "0.5")
  first = Process(tmp_path)
  alice = budget_of(first.of("alice"), REAL, 5.0)
  alice.read(NOON, 30)
  alice.counted(NOON)
  assert alice.left(NOON) == pytest.approx(0.045)
  first.written()
  again = Process(tmp_path)
  alice, bob = (budget_of(again.of(name), REAL, 5.0) for name in ("alice", "bob"))
  assert alice.left(NOON) == pytest.approx(0.045)
  assert bob.left(NOON) == pytest.approx(0.5)
  alice.read(NOON, 4)
  again.written()
  third = Process(tmp_path)
  assert "what one caller may" in budget_of(third.of("alice"), REAL, 5.0).over(NOON)
  budget_of(third.of("bob"), REAL, 5.0).read(NOON, 33)
  assert "callers may spend on X" in budget_of(third.of("carol"), REAL, 5.0).over(NOON)
  # The operator's own spec has its own cap, on the same account.
  assert budget_of(third, REAL, 1.1).left(NOON) == pytest.approx(1.1 - 1.01)
  # The next day is new, and the file forgets this one.
  tomorrow = NOON + DAY_MS
  carol = budget_of(third.of("carol"), REAL, 5.0)
  assert carol.left(tomorrow) == pytest.approx(0.5)
  carol.read(tomorrow, 1)
  third.written()
  text = (tmp_path / FILE).read_text()
  assert text.count("[") == 2
  assert "canary" not in text
  assert "carol" not in text
  assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_nothing_is_kept_without_a_folder_or_of_what_is_simulated(tmp_path):
  for process, account in (
    (Process(None), REAL),
    (Process(tmp_path), Account("http://127.0.0.1:1", SIMULATED, charged=False)),
  ):
    spending_of(process, account).read(NOON, 3)
    assert spending_of(process, account).posts == 3
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": [1, 2]}', '{"a": [null, 1, 2]}'])
def test_where_what_was_spent_cannot_be_read_nothing_is_spent(tmp_path, text):
  (tmp_path / FILE).write_text(text)
  with pytest.raises(Refused, match=f"cannot be read from .*{FILE}"):
    budget_of(Process(tmp_path, "alice"), REAL, 5.0)


def test_what_cannot_be_stored_is_said_once_and_counted(tmp_path, caplog):
  folder = tmp_path / "gone"
  process = Process(folder)
  spending = spending_of(process, REAL)
  with caplog.at_level(logging.ERROR):
    for _ in range(2):
      spending.read(NOON, 1)
      process.written()
  assert spending.posts == 2
  assert caplog.text.count("a restart would begin the day") == 1


def test_a_slow_disk_holds_up_no_post_and_all_is_stored_when_the_process_ends(tmp_path):
  code = f"""
import pathlib, time
from bond_x import spending
write = pathlib.Path.write_text
pathlib.Path.write_text = lambda *args, **named: time.sleep(0.2) or write(*args, **named)
noted = spending.Ledger(pathlib.Path({str(tmp_path / FILE)!r})).spending("a")
begun = time.monotonic()
for _ in range(500):
  noted.read({NOON}, 1)
print(time.monotonic() - begun)
"""
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert float(done.stdout) < 10
  assert json.loads((tmp_path / FILE).read_text())["a"][1] == 500
