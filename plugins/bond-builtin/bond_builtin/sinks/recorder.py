"""core.jsonl as a sink: events as JSON lines in files that rotate, or as a recording in zstd."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import FileIO
from pathlib import Path

import attrs
import trio

from bond_core import Batch, Duration, Refused, Sink, SinkContext, SinkType, Size, encode


@attrs.frozen
class Recorder:
  """Where to write. A file is renamed to PATH.1, PATH.2, … when it reaches `rotate_size` or has run
  for `rotate_every`; the newest `keep` of them stay (0 = all).

  A path that ends in `.zst` is a recording with digests, as `bond record` writes it; btc.jsonl.zst
  is then renamed to btc.1.jsonl.zst, and so on.
  """

  path: str
  rotate_size: Size = Size(256 * 1024 * 1024)
  rotate_every: Duration | None = None
  keep: int = attrs.field(default=0, validator=attrs.validators.ge(0))


class _Files:
  """The open file and the ones before it. Called from one worker thread at a time."""

  def __init__(self, config: Recorder) -> None:
    self._config = config
    self._path = Path(config.path)
    self._file = self._open()

  def _open(self) -> FileIO:
    try:
      self._path.parent.mkdir(parents=True, exist_ok=True)
      file = self._path.open("ab", buffering=0)
    except OSError as exc:
      raise Refused(f"cannot write {self._path}: {exc.strerror}") from exc
    self._began = time.monotonic()
    self._size = self._path.stat().st_size
    return file

  def write(self, data: bytes) -> None:
    """Appends whole lines; what returned is with the operating system."""
    rest = memoryview(data)
    try:
      while rest:
        rest = rest[self._file.write(rest) :]
    except OSError:
      # Of a disk that is full: the last line is whole, and goes on once there is room.
      with suppress(OSError):
        self._file.truncate(self._size)
      raise
    self._size += len(data)
    every = self._config.rotate_every
    old = every is not None and time.monotonic() - self._began >= every
    if self._size >= self._config.rotate_size or old:
      self._rotate()

  def _rotate(self) -> None:
    self._file.close()
    numbers = self._numbers()
    self._path.rename(self._path.with_name(f"{self._path.name}.{max(numbers, default=0) + 1}"))
    if self._config.keep:
      for number in sorted(self._numbers())[: -self._config.keep]:
        self._path.with_name(f"{self._path.name}.{number}").unlink(missing_ok=True)
    self._file = self._open()

  def _numbers(self) -> list[int]:
    ends = (path.name[len(self._path.name) + 1 :] for path in self._siblings())
    return [int(end) for end in ends if end.isdigit()]

  def _siblings(self) -> list[Path]:
    return list(self._path.parent.glob(f"{self._path.name}.*"))

  def close(self) -> None:
    """Closes the file."""
    self._file.close()


class _RecorderSink:
  def __init__(self, files: _Files) -> None:
    self._files = files

  async def write(self, batch: Batch) -> None:
    """Appends the batch; a disk that is slow holds up this sink only."""
    data = b"".join([encode(event) + b"\n" for event in batch])
    await trio.to_thread.run_sync(self._files.write, data)


@asynccontextmanager
async def recorder(config: Recorder, ctx: SinkContext) -> AsyncIterator[Sink]:
  """The sink, with its file open."""
  if config.path.endswith(".zst"):
    from bond_recordkit.sink import open_recording_sink
    from bond_recordkit.writer import Rotation

    rotation = Rotation(int(config.rotate_size), config.rotate_every, config.keep)
    async with open_recording_sink(Path(config.path), ctx, rotation=rotation) as sink:
      yield sink
    return
  files = await trio.to_thread.run_sync(_Files, config)
  try:
    yield _RecorderSink(files)
  finally:
    files.close()


TYPE = SinkType(
  name="core.jsonl",
  summary="JSON lines in a file that rotates, plain or zstd: the source core.jsonl plays it again.",
  config=Recorder,
  make=recorder,
  example="{path: btc.jsonl.zst, rotate_size: 256MiB, keep: 10}",
)
