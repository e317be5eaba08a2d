"""Recordings as files: lines, plain or gzip."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import trio
from bond_simkit import SimulatorError

C = TypeVar("C")


async def scan_captures(paths: Iterable[str], scan: Callable[[Path], C]) -> list[C]:
  """What `scan` says of each recording. It runs in a thread, since it reads the file through."""
  return [await trio.to_thread.run_sync(scan, Path(path)) for path in paths]


def capture_lines(path: Path) -> Iterator[tuple[int, bytes]]:
  """The lines of a recording with their numbers, from 1. Raises SimulatorError for a file that
  cannot be read."""
  try:
    with path.open("rb") as file:
      packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as lines:
      for number, line in enumerate(lines, 1):
        yield number, line.rstrip(b"\r\n")
  except (OSError, EOFError) as error:
    raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> SimulatorError:
  """The error of a recording that cannot be read."""
  return SimulatorError(f"cannot read the recording {path}: {error}")


def nanoseconds(seconds: bytes) -> int:
  """A decimal text of seconds in whole nanoseconds."""
  whole, _, part = seconds.partition(b".")
  return int(whole) * 1_000_000_000 + int(part.ljust(9, b"0")[:9] or b"0")
