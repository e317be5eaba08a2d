"""Deleting a stream ends its tokens for good, on this disk and in every process."""

import json
import os
import stat
import subprocess
import sys
import threading

import pytest
from bond_server.access import generations as module
from bond_server.access.generations import FILE, FileGenerations, MemoryGenerations
from bond_server.access.tokens import Keyring, mint, verify

from bond_core import AuthError, BondError

STREAM = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.fixture(params=["memory", "file"])
def generations(request, tmp_path):
  return MemoryGenerations() if request.param == "memory" else FileGenerations(tmp_path / FILE)


def look_now(generations):
  generations._look_at = 0.0


def test_a_generation_counts_one_streams_deletions(generations):
  assert generations.current(STREAM) == 0
  assert [generations.advance(STREAM) for _ in range(3)] == [1, 2, 3]
  assert generations.current(STREAM) == 3
  assert generations.current(OTHER) == 0


def test_old_tokens_stay_dead_when_the_stream_is_made_again(generations):
  keyring = Keyring(b"k" * 32)
  old = mint(STREAM, 10**10, keyring=keyring, generations=generations)
  grant = verify(old, keyring=keyring, generations=generations, now_ms=0)
  assert grant.holds(keyring, generations)
  generations.advance(STREAM)
  assert not grant.holds(keyring, generations)
  new = mint(STREAM, 10**10, keyring=keyring, generations=generations)
  verify(new, keyring=keyring, generations=generations, now_ms=0)
  with pytest.raises(AuthError):
    verify(old, keyring=keyring, generations=generations, now_ms=0)


def test_a_restart_remembers(tmp_path):
  FileGenerations(tmp_path / FILE).advance(STREAM)
  again = FileGenerations(tmp_path / FILE)
  assert again.current(STREAM) == 1
  assert again.advance(STREAM) == 2


def test_only_the_owner_can_read_the_file_whatever_the_umask(tmp_path):
  before = os.umask(0)
  try:
    FileGenerations(tmp_path / "data" / FILE).advance(STREAM)
  finally:
    os.umask(before)
  assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
  for path in (tmp_path / "data").iterdir():
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_another_process_sees_what_was_raised(tmp_path):
  one, other = FileGenerations(tmp_path / FILE), FileGenerations(tmp_path / FILE)
  one.advance(STREAM)
  look_now(other)
  assert other.current(STREAM) == 1
  assert other.advance(STREAM) == 2
  assert one.advance(STREAM) == 3


def test_the_file_is_not_looked_at_for_every_question(tmp_path, monkeypatch):
  generations = FileGenerations(tmp_path / FILE)
  look_now(generations)
  generations.current(STREAM)
  monkeypatch.setattr(generations, "_stamp", lambda: pytest.fail("looked again"))
  for _ in range(100):
    assert generations.current(STREAM) == 0


RAISE_TEN = """
import sys
from pathlib import Path
from bond_server.access.generations import FILE, FileGenerations
generations = FileGenerations(Path(sys.argv[1]))
for _ in range(10):
  generations.advance(sys.argv[2])
"""


def test_processes_and_threads_that_raise_at_once_lose_nothing(tmp_path):
  shared = FileGenerations(tmp_path / FILE)
  processes = [
    subprocess.Popen([sys.executable, "-c", RAISE_TEN, str(tmp_path / FILE), stream])
    for stream in (STREAM, OTHER)
  ]
  threads = [
    threading.Thread(target=lambda: [shared.advance(STREAM) for _ in range(10)]) for _ in range(2)
  ]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert [process.wait(60) for process in processes] == [0, 0]
  kept = FileGenerations(tmp_path / FILE)
  assert (kept.current(STREAM), kept.current(OTHER)) == (30, 10)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": "b"}', b'{"a": 1.5}', b"\xff"])
def test_a_damaged_file_is_refused_at_start_with_what_to_do(tmp_path, content):
  path = tmp_path / FILE
  path.write_bytes(content)
  path.chmod(0o600)
  with pytest.raises(AuthError, match="is damaged; put a copy back, or delete it and choose a new"):
    FileGenerations(tmp_path / FILE)


def test_a_file_that_others_can_read_is_refused(tmp_path):
  FileGenerations(tmp_path / FILE).advance(STREAM)
  (tmp_path / FILE).chmod(0o640)
  with pytest.raises(AuthError, match="run `chmod 600"):
    FileGenerations(tmp_path / FILE)


def test_a_file_that_is_lost_or_put_back_revives_no_token(tmp_path, caplog):
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)
  path = tmp_path / FILE
  old = path.read_bytes()
  generations.advance(STREAM)
  path.write_bytes(old)
  look_now(generations)
  assert generations.current(STREAM) == 2
  path.unlink()
  look_now(generations)
  assert generations.current(STREAM) == 2
  path.write_bytes(b"nonsense")
  path.chmod(0o600)
  look_now(generations)
  assert generations.current(STREAM) == 2
  assert "is damaged" in caplog.text


def test_where_the_disk_is_full_the_tokens_are_dead_all_the_same_and_the_caller_learns_it(
  tmp_path, monkeypatch
):
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)

  def full(path, data):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(module, "replace_private", full)
  with pytest.raises(BondError, match=r"until the next start only: .*No space left on device"):
    generations.advance(STREAM)
  assert generations.current(STREAM) == 2
  monkeypatch.undo()
  assert generations.advance(STREAM) == 3
  assert FileGenerations(tmp_path / FILE).current(STREAM) == 3


def test_a_crash_while_writing_leaves_the_old_file_whole(tmp_path, monkeypatch):
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)

  class Killed(BaseException):
    pass

  def die(descriptor):
    raise Killed

  monkeypatch.setattr(os, "fsync", die)
  with pytest.raises(Killed):
    generations.advance(STREAM)
  monkeypatch.undo()
  assert FileGenerations(tmp_path / FILE).current(STREAM) == 1
  assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, f"{FILE}.lock"]


def test_a_deletion_is_forgotten_after_a_year_unless_the_stream_lives_again(tmp_path, monkeypatch):
  now = 1_800_000_000
  monkeypatch.setattr(module.time, "time", lambda: now)
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)
  generations.advance(OTHER)
  now += module.REMEMBERED - 1
  assert generations.current(OTHER) == 1
  generations.advance("0" * 16)
  assert json.loads((tmp_path / FILE).read_bytes()).keys() == {STREAM, OTHER, "0" * 16}
  now += 2
  generations.advance("1" * 16)
  assert json.loads((tmp_path / FILE).read_bytes()).keys() == {OTHER, "0" * 16, "1" * 16}


def test_the_file_is_bounded_however_many_streams_are_deleted(tmp_path, monkeypatch, caplog):
  monkeypatch.setattr(module, "MOST", 50)
  generations = FileGenerations(tmp_path / FILE)
  for number in range(60):
    generations.advance(f"{number:016x}")
  assert len(json.loads((tmp_path / FILE).read_bytes())) == 50
  assert generations.current(f"{59:016x}") == 1
  assert "more than 50 streams were deleted" in caplog.text


def test_memory_is_bounded_and_forgets_what_was_deleted_longest_ago(monkeypatch, caplog):
  monkeypatch.setattr(module, "MOST", 50)
  generations = MemoryGenerations()
  for number in (*range(50), 0, 50):
    generations.advance(f"{number:016x}")
  kept = [number for number in range(51) if generations.current(f"{number:016x}")]
  assert kept == [0, *range(2, 51)]
  assert "more than 50 streams were deleted" in caplog.text


def test_what_this_process_wrote_is_not_read_again(tmp_path, monkeypatch):
  generations = FileGenerations(tmp_path / FILE)
  generations.advance(STREAM)
  monkeypatch.setattr(module, "read_private", lambda path: pytest.fail("read again"))
  look_now(generations)
  assert generations.current(STREAM) == 1
  assert generations.advance(STREAM) == 2


def test_the_file_of_an_earlier_version_counts(tmp_path):
  (tmp_path / FILE).write_text(json.dumps({STREAM: 3}))
  (tmp_path / FILE).chmod(0o600)
  generations = FileGenerations(tmp_path / FILE)
  assert generations.current(STREAM) == 3
  assert generations.advance(STREAM) == 4


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(AuthError, match=r"cannot make the folder .*choose another one with --data"):
    FileGenerations(tmp_path / "file" / "data" / FILE)
