"""core.file as the core uses it: in worker threads, by name, from a spec."""

import errno
import random
import shutil
import stat
import subprocess
import sys
import threading

import pytest
import trio
from bond_filelog.config import FileLog
from bond_filelog.engine import open_file_log, remove_file_log
from bond_filelog.folder import folder_name
from disks import FailingDisk, HastyDisk
from kept_events import numbers, record

from bond_core import Duration, Gap, Registry, Size, load_spec
from bond_core._logs.durable import open_log
from bond_core.logs import Engine, EngineError

FILE_LOG = Registry().log("core.file")


def config(folder, **options):
  return FileLog(path=str(folder), **options)


async def all_of(log, first=1):
  found = []
  while records := await log.read(first, 100):
    found += records
    first = records[-1].last + 1
  return found


@pytest.mark.parametrize("mode", ["process", "power"])
async def test_what_is_written_is_there_when_the_log_is_opened_again(tmp_path, mode):
  async with open_file_log(config(tmp_path, mode=mode), "market") as log:
    engine: Engine = log
    assert (engine.head, engine.oldest, engine.last_ts_ms, engine.finished) == (0, 1, 0, False)
    await engine.write([record(1, 3, 5_000), record(4, 2, 6_000)])
    await engine.finish()
    epoch = engine.epoch
  async with open_file_log(config(tmp_path, mode=mode), "market") as log:
    assert (log.head, log.oldest, log.last_ts_ms, log.finished) == (5, 1, 6_000, True)
    assert log.epoch == epoch
    assert numbers(await log.read(2, 10)) == [2, 3, 4, 5]
    assert await log.find(5_500) == 4


async def test_each_name_has_a_folder_for_its_owner_alone(tmp_path):
  names = ["market", "stream:0123456789abcdef", "../up", ".hidden", "a/b", "a%2Fb", "Größe"]
  async with trio.open_nursery() as nursery:

    async def keep(name):
      async with open_file_log(config(tmp_path / "new" / "log"), name) as log:
        await log.write([record(1)])

    for name in names:
      nursery.start_soon(keep, name)
  folders = list((tmp_path / "new" / "log").iterdir())
  assert sorted(path.name for path in folders) == sorted(map(folder_name, names))
  assert folder_name("stream:0123456789abcdef") == "stream%3A0123456789abcdef"
  for path in [*folders, tmp_path / "new"]:
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
  for path in [file for folder in folders for file in folder.iterdir()]:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
  with pytest.raises(ValueError, match="needs a name"):
    folder_name("")


async def test_the_path_may_begin_in_the_home_folder(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  async with open_file_log(config("~/kept"), "market") as log:
    await log.write([record(1)])
  assert (tmp_path / "kept" / "market").is_dir()


async def test_a_log_is_open_once_in_this_process_and_in_others(tmp_path):
  async with open_file_log(config(tmp_path), "market"):
    with pytest.raises(EngineError, match=r"market is in use by another process; stop that one"):
      async with open_file_log(config(tmp_path), "market"):
        raise AssertionError("two have it open")
    code = (
      "import trio\n"
      "from bond_filelog.config import FileLog\n"
      "from bond_filelog.engine import open_file_log, remove_file_log\n"
      "async def main():\n"
      f"  async with open_file_log(FileLog(path={str(tmp_path)!r}), 'market'): pass\n"
      "trio.run(main)"
    )
    run = [sys.executable, "-c", code]
    done = await trio.run_process(run, capture_stderr=True, check=False)
    assert b"give this log another `path`" in done.stderr
    async with open_file_log(config(tmp_path), "other"):
      pass
  async with open_file_log(config(tmp_path), "market"):
    pass


@pytest.mark.parametrize(
  ("error", "message"),
  [
    (errno.ENOSPC, "the disk is full; free some space for .*market, or give the log a smaller"),
    (errno.EDQUOT, "the disk is full"),
    (errno.EIO, "market cannot be written: Input/output error; look at the disk"),
    (errno.EROFS, "cannot be written: Read-only file system; give the log a `path` that is yours"),
    (errno.ENOENT, "cannot be written: No such file or directory; was the folder removed"),
  ],
)
async def test_an_error_of_the_disk_is_a_sentence_and_passes(tmp_path, error, message):
  # The first write is the log's name.
  disk = FailingDisk({3}, error, ("write",))
  async with open_file_log(config(tmp_path), "market", disk=disk) as log:
    await log.write([record(1)])
    with pytest.raises(EngineError, match=message):
      await log.write([record(2)])
    await log.write([record(2)])
    assert numbers(await all_of(log)) == [1, 2]


async def test_a_log_that_cannot_be_opened_says_why_and_lets_the_folder_go(tmp_path):
  disk = FailingDisk({1}, errno.EACCES, ("names",))
  with pytest.raises(EngineError, match=r"cannot be opened: Permission denied; give the log a"):
    async with open_file_log(config(tmp_path), "market", disk=disk):
      raise AssertionError("it is open")
  async with open_file_log(config(tmp_path), "market", disk=disk):
    pass
  (tmp_path / "file").write_text("")
  with pytest.raises(EngineError, match="cannot be opened: Not a directory"):
    async with open_file_log(config(tmp_path / "file" / "log"), "market"):
      raise AssertionError("it is open")


async def test_errors_of_reading_and_of_the_end_are_sentences_too(tmp_path):
  disk = FailingDisk({1, 2}, errno.EIO, ("read",))
  async with open_file_log(config(tmp_path), "market", disk=disk) as log:
    await log.write([record(1)])
    for call in (lambda: log.read(1, 5), lambda: log.find(0)):
      with pytest.raises(EngineError, match="market cannot be read: Input/output error"):
        await call()
    disk.only, disk.calls, disk.failing = frozenset({"sync"}), 0, frozenset({1})
    with pytest.raises(EngineError, match="market cannot be written"):
      await log.finish()
    await log.finish()
    assert log.finished


class Stuck(HastyDisk):
  """A disk that does not answer until it is let go."""

  def __init__(self):
    self.reached, self.go = threading.Event(), threading.Event()

  def sync(self, file):
    self.reached.set()
    assert self.go.wait(30)


async def test_a_disk_that_hangs_holds_up_neither_trio_nor_readers(tmp_path):
  async with open_file_log(config(tmp_path), "market") as log:
    await log.write([record(1, 3)])
  disk = Stuck()
  async with open_file_log(config(tmp_path, mode="power"), "market", disk=disk) as log:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(log.write, [record(4, 2)])
      await trio.to_thread.run_sync(disk.reached.wait)
      # Not yet acknowledged, not yet served, and all else goes on.
      assert numbers(await all_of(log)) == [1, 2, 3]
      assert await log.find(0) == 1
      assert log.head == 3
      disk.go.set()
    assert log.head == 5
    assert numbers(await all_of(log)) == [1, 2, 3, 4, 5]


async def test_one_spec_names_it_and_the_ring_has_its_own_bounds():
  text = """
sources: {c: {use: clock.ticks, with: {seconds: 1}}}
log: {use: core.file, with: {path: ~/bond, keep: 2h, mode: power, ring_keep: 5s, ring_size: 2MiB}}
"""
  spec = load_spec(text, registry=Registry())
  assert spec.log.type.name == "core.file"
  assert spec.log.config.keep == Duration(7200)
  ring = FILE_LOG.ring(spec.log.config)
  assert (ring.keep, ring.size) == (5.0, 2 * 1024 * 1024)


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ("keep: 0s", "keep is 0, so nothing would be stored"),
    ("size: 1000kB", "size is 1MB; a log needs 1MiB at least"),
    ("mode: fast", "expected 'process' or 'power'"),
  ],
)
def test_a_configuration_that_keeps_nothing_is_refused(wrong, message):
  text = (
    "sources: {c: {use: clock.ticks, with: {seconds: 1}}}\n"
    f"log: {{use: core.file, with: {{path: x, {wrong}}}}}\n"
  )
  with pytest.raises(Exception, match=message):
    load_spec(text, registry=Registry())


async def test_resuming_anywhere_gives_the_rest_also_after_a_restart(tmp_path):
  """What a reader had before and what it reads from there on is the original, from any place."""
  settings = config(tmp_path, size=Size(1 << 20), ring_size=Size(200_000))
  chance = random.Random(3)
  original = []

  async def rest(log, first):
    seen = []
    while records := await log.records(first, 500):
      seen += [(n, event) for r in records for n, event in enumerate(r.events, r.first)]
      first = records[-1].last + 1
    return seen

  for _ in range(2):
    async with open_log(FILE_LOG, settings, "market") as log:
      for _ in range(6):
        for _ in range(5):
          log.ring.append(record(log.head + 1, chance.randrange(1, 80)).events)
        await log.acknowledged(log.head)
      original = await rest(log, 1)
      assert [n for n, _ in original] == list(range(1, log.head + 1))
      assert log.ring.oldest > 1
      for _ in range(60):
        place = chance.randrange(1, log.head + 2)
        assert original[: place - 1] + await rest(log, place) == original
  gaps = [event for _, event in original if isinstance(event, Gap)]
  assert [gap.cause for gap in gaps] == ["nothing was received while bond was not running"]


@pytest.mark.slow
async def test_resuming_at_ten_thousand_places(tmp_path):
  settings = config(tmp_path, size=Size(8 << 20))
  chance = random.Random(4)
  async with open_file_log(settings, "market") as log:
    for n in range(1, 20_001, 20):
      await log.write([record(n, 20, n, 40)])
    await log.finish()
  async with open_file_log(settings, "market") as log:
    for _ in range(10_000):
      place = chance.randrange(1, 20_001)
      seen = numbers(await log.read(place, 300), 40)
      assert seen == list(range(place, place + len(seen)))
      assert len(seen) >= min(300, 20_001 - place)


async def test_a_killed_log_goes_on_beyond_everything_that_was_given(tmp_path):
  code = (
    "import os, trio\n"
    "from bond_core import Custom, Registry\n"
    "from bond_filelog.config import FileLog\n"
    "from bond_core.logs import open_log\n"
    "def event(): return Custom(exchange='x', symbol='', event_type='n', data={})\n"
    "async def main():\n"
    "  kind = Registry().log('core.file')\n"
    f"  async with open_log(kind, FileLog(path={str(tmp_path)!r}), 'market') as log:\n"
    "    log.ring.append([event()] * 10)\n"
    "    await log.acknowledged(10)\n"
    "    log.ring.append([event()] * 500)\n"  # seen by readers, never kept
    "    os.kill(os.getpid(), 9)\n"
    "trio.run(main)"
  )
  done = await trio.run_process([sys.executable, "-c", code], check=False)
  assert done.returncode == -9
  async with open_log(FILE_LOG, config(tmp_path), "market") as log:
    # It is kept before any reader has a number, so that a second kill leaves it out as well.
    assert log.engine.head == log.head == log.ring.oldest > 510
    records = await log.records(1)
    assert [n for r in records for n in range(r.first, r.last + 1)][:10] == list(range(1, 11))


def test_naming_it_costs_nothing_at_start():
  code = (
    "import sys\nfrom bond_core import Registry\nRegistry().log('core.file')\n"
    "print([name for name in sys.modules if name.startswith('bond_filelog.')])"
  )
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert done.stdout.strip() == "['bond_filelog.config']"


@pytest.mark.parametrize("mode", ["process", "power"])
async def test_a_log_that_is_removed_is_gone_and_begins_again(tmp_path, mode):
  where = config(tmp_path, mode=mode)
  await remove_file_log(where, "stream:ab")
  epochs = set()
  for _ in range(2):
    async with open_file_log(where, "stream:ab") as log, open_file_log(where, "market") as other:
      assert log.head == 0
      await log.write([record(1, 3, 5_000)])
      await other.write([record(other.head + 1, 3, 5_000)])
      epochs.add(log.epoch)
    await remove_file_log(where, "stream:ab")
    assert [found.name for found in tmp_path.iterdir()] == ["market"]
  assert len(epochs) == 2


async def test_a_log_that_is_open_is_not_removed(tmp_path):
  async with open_file_log(config(tmp_path), "market") as log:
    await log.write([record(1, 3, 5_000)])
    with pytest.raises(EngineError, match="in use by another process"):
      await remove_file_log(config(tmp_path), "market")
    assert numbers(await all_of(log)) == [1, 2, 3]


async def test_what_a_failing_disk_leaves_of_a_removed_log_has_no_hole(tmp_path):
  where = config(tmp_path, size=Size(1024 * 1024))
  async with open_file_log(where, "market") as log:
    for first in range(1, 60_000, 1000):
      await log.write([record(first, 1000, first)])
  before = len(list((tmp_path / "market").iterdir()))
  assert before > 4
  with pytest.raises(EngineError, match="cannot be removed"):
    await remove_file_log(where, "market", disk=FailingDisk([3], only=["remove"]))
  assert len(list((tmp_path / "market").iterdir())) == before - 2
  async with open_file_log(where, "market") as log:
    kept = numbers(await all_of(log))
    assert kept == list(range(kept[0], 60_001))
  await remove_file_log(where, "market")
  assert list(tmp_path.iterdir()) == []


# Whose log it is, and whether it is there still ---------------------------------------------------


async def test_a_log_that_stands_in_anothers_place_is_refused(tmp_path):
  async with open_file_log(config(tmp_path), "simulated:market") as log:
    await log.write([record(1, 3)])
  (tmp_path / folder_name("simulated:market")).rename(tmp_path / "market")
  with pytest.raises(EngineError, match=r"holds the log 'simulated:market', which is not 'market'"):
    async with open_file_log(config(tmp_path), "market"):
      pass


async def test_a_name_that_is_damaged_is_another_logs(tmp_path):
  async with open_file_log(config(tmp_path), "market") as log:
    await log.write([record(1, 3)])
  (tmp_path / "market" / "name").write_bytes(b"\xf3\xff\x81")
  with pytest.raises(EngineError, match="which is not 'market'"):
    async with open_file_log(config(tmp_path), "market"):
      pass


async def test_a_log_of_an_earlier_version_has_no_name_and_gets_it(tmp_path):
  async with open_file_log(config(tmp_path), "market") as log:
    await log.write([record(1, 3)])
  (tmp_path / "market" / "name").unlink()
  async with open_file_log(config(tmp_path), "market") as log:
    assert log.head == 3
  assert (tmp_path / "market" / "name").read_text() == "market"


@pytest.mark.parametrize("mode", ["process", "power"])
async def test_what_is_written_after_the_folder_vanished_does_not_count(tmp_path, mode):
  async with open_file_log(config(tmp_path, mode=mode), "market") as log:
    await log.write([record(1, 3)])
    shutil.rmtree(tmp_path / "market")
    for _ in range(2):
      with pytest.raises(EngineError, match="was the folder removed"):
        await log.write([record(4, 3)])
    assert log.head == 3
    (tmp_path / "market").mkdir()
    await log.write([record(4, 3)])
    assert [one.first for one in await all_of(log)] == [4]


async def test_a_file_that_was_replaced_is_not_written_on(tmp_path):
  async with open_file_log(config(tmp_path), "market") as log:
    await log.write([record(1, 3)])
    [segment] = (tmp_path / "market").glob("*.log")
    segment.rename(tmp_path / "moved")
    segment.write_bytes(b"")
    with pytest.raises(EngineError, match="was the folder removed"):
      await log.write([record(4, 3)])
    await log.write([record(4, 3)])
    assert [one.first for one in await all_of(log, 4)] == [4]
