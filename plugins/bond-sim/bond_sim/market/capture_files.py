"""Recordings as files: lines, plain or gzip, and the venue's own messages in what
`bond record --raw` writes."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import trio
from bond_recordkit.errors import RecordingError
from bond_recordkit.kept import KeptFrame, kept_frames
from bond_recordkit.reader import segments_of
from bond_recordkit.zstd import MAGIC
from bond_simkit import HttpRequest, HttpResponse, SimulatorError, json_response

from bond_sim.market.paths import without_host

C = TypeVar("C")


async def scan_captures(paths: Iterable[str], scan: Callable[[Path], C]) -> list[C]:
  """What `scan` says of each recording. It runs in a thread, since it reads the file through."""
  return [await trio.to_thread.run_sync(scan, Path(path)) for path in paths]


def is_recording(path: Path) -> bool:
  """Whether `bond record` wrote it. Raises SimulatorError for a file that cannot be read."""
  try:
    with path.open("rb") as file:
      return file.read(len(MAGIC)) == MAGIC
  except OSError as error:
    raise unreadable(path, error) from error


def capture_lines(path: Path, exchange: str) -> Iterator[tuple[int, bytes]]:
  """The lines of a recording with their numbers, from 1: of what `bond record --raw` wrote, those
  of this exchange, as a capture of cryptofeed has them. Raises SimulatorError for a file that
  cannot be read."""
  if is_recording(path):
    yield from enumerate(_kept_lines(path, exchange), 1)
    return
  try:
    with path.open("rb") as file:
      packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as lines:
      for number, line in enumerate(lines, 1):
        yield number, line.rstrip(b"\r\n")
  except (OSError, EOFError) as error:
    raise unreadable(path, error) from error


def _kept(path: Path, exchange: str) -> Iterator[KeptFrame]:
  found = False
  try:
    for frame in kept_frames(segments_of(path), exchange):
      found = found or not frame.opened
      yield frame
  except RecordingError as error:
    raise SimulatorError(str(error)) from error
  if not found:
    raise SimulatorError(
      f"{path} holds no messages of {exchange}; `bond record --raw` keeps those of the venues that "
      "its spec reads"
    )


def _kept_lines(path: Path, exchange: str) -> Iterator[bytes]:
  opened = ""
  openings: dict[str, bytes] = {}
  for frame in _kept(path, exchange):
    at, url = b"%d.%03d" % divmod(frame.ts_event, 1000), frame.url.encode()
    # A line break stands between values only, where a space means the same.
    data = b" ".join(frame.data.encode().splitlines())
    if frame.opened:
      opened, openings[frame.url] = "", at
      continue
    if frame.answered:
      opened = ""
      yield b"%b -> %b: %b" % (url, at, data)
      continue
    if frame.url != opened:
      opened = frame.url
      yield b"%b <-> %b" % (url, openings.get(frame.url, at))
    yield b"%b: %b" % (at, data)


class RecordedAnswers:
  """What the venue answered to each request while `bond record --raw` ran, the first time."""

  def __init__(self) -> None:
    self._bodies: dict[tuple[object, ...], bytes] = {}

  def respond(self, request: HttpRequest) -> HttpResponse | None:
    """The answer to a request whose path has no host, None where none was recorded."""
    key = request.path, tuple(sorted(request.query)), request.body.decode(errors="replace")
    body = self._bodies.get(key)
    return None if body is None else json_response(body)

  def read(self, paths: Iterable[str], exchange: str) -> None:
    """Reads the recordings among these files. Raises SimulatorError."""
    for path in map(Path, paths):
      for frame in _kept(path, exchange) if is_recording(path) else ():
        if frame.answered:
          url = urlsplit(frame.url)
          query = tuple(sorted(parse_qsl(url.query, keep_blank_values=True)))
          key = without_host(url.path), query, frame.posted
          self._bodies.setdefault(key, frame.data.encode())


async def scan_answers(paths: Iterable[str], exchange: str) -> RecordedAnswers:
  """The recorded answers of all files, none where there are no recordings. Reads in a thread."""
  found = RecordedAnswers()
  await trio.to_thread.run_sync(found.read, paths, exchange)
  return found


def unreadable(path: Path, error: Exception) -> SimulatorError:
  """The error of a recording that cannot be read."""
  return SimulatorError(f"cannot read the recording {path}: {error}")


def nanoseconds(seconds: bytes) -> int:
  """A decimal text of seconds in whole nanoseconds."""
  whole, _, part = seconds.partition(b".")
  return int(whole) * 1_000_000_000 + int(part.ljust(9, b"0")[:9] or b"0")
