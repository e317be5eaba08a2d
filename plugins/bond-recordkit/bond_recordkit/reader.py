"""Reads segments frame by frame, and finds the segments of a recording."""

from collections.abc import Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from bond_recordkit.errors import RecordingError
from bond_recordkit.format import (
  META,
  MOST_BYTES,
  MOST_LINES,
  RAW,
  TRAILER_BYTES,
  TRAILER_HEAD,
  Digest,
  Header,
  segment_number,
  suffix_of,
)
from bond_recordkit.zstd import MAGIC, ZstdDecompressor, ZstdError

_READ = 256 * 1024
_TAIL = 4 * 1024 * 1024
_SKIPPABLE = b"\x2a\x4d\x18"
_header = msgspec.json.Decoder(Header).decode
_digest = msgspec.json.Decoder(Digest).decode


class Frame(NamedTuple):
  """One frame as it stands in a file: where it begins, the number of its first line in the unpacked
  segment (from 1), and its text. `skipped` is one that unpacks to nothing, such as the trailer; its
  text is then its content."""

  offset: int
  line: int
  text: bytes
  skipped: bool = False


class Torn(Exception):
  """The rest of a file from `offset` on is no whole frame; `broken` says that it is no beginning of
  one either."""

  def __init__(self, offset: int, line: int, size: int, broken: bool) -> None:
    super().__init__(f"the last {size} bytes, from byte {offset} on, are no whole frame")
    self.offset, self.line, self.size, self.broken = offset, line, size, broken


class _Bytes:
  """A file with what was read too far."""

  def __init__(self, file: BinaryIO) -> None:
    self._file = file
    self.held = b""
    self.offset = 0

  def fill(self, size: int) -> bool:
    """Whether so many bytes are held; fewer at the end of the file."""
    while len(self.held) < size:
      data = self._file.read(_READ)
      if not data:
        return False
      self.held += data
    return True

  def take(self, size: int) -> bytes:
    data, self.held = self.held[:size], self.held[size:]
    self.offset += len(data)
    return data


def frames(path: Path) -> Iterator[Frame]:
  """The whole frames of a file, in order. Raises Torn where the rest is none, and RecordingError
  for a file that cannot be read."""
  try:
    with path.open("rb") as file:
      yield from _frames(_Bytes(file))
  except IsADirectoryError as exc:
    raise RecordingError(f"{path} is a folder; name a recording, NAME.jsonl.zst") from exc
  except OSError as exc:
    raise RecordingError(f"cannot read the recording {path}: {exc.strerror}") from exc


def frames_from_end(path: Path) -> Iterator[bytes]:
  """The text of a file's whole frames, the last one first. What stands before those that are taken
  is not unpacked, however long the file is. Raises OSError."""
  with path.open("rb") as file:
    end = file.seek(0, SEEK_END)
    while end:
      start = max(0, end - _TAIL)
      file.seek(start)
      # A frame may begin across the border.
      data = file.read(end - start + len(MAGIC) - 1)
      at = len(data)
      while (at := data.rfind(MAGIC, 0, at + len(MAGIC) - 1)) >= 0:
        file.seek(start + at)
        try:
          yield next(_frames(_Bytes(file))).text
        except (Torn, RecordingError):
          # It was cut off, or is no beginning of a frame.
          continue
      end = start


def _frames(source: _Bytes) -> Iterator[Frame]:
  line = 1
  while source.fill(1):
    offset = source.offset
    source.fill(8)
    if source.held[1:4] == _SKIPPABLE and source.held[0] & 0xF0 == 0x50:
      size = 8 + int.from_bytes(source.held[4:8], "little")
      if size > MOST_BYTES or len(source.held) < 8 or not source.fill(size):
        raise Torn(offset, line, len(source.held), not TRAILER_HEAD.startswith(source.held[:8]))
      yield Frame(offset, line, source.take(size)[8:], skipped=True)
      continue
    text = _unpacked(source, offset, line)
    count = text.count(b"\n")
    if count + text.count(b"\r") > MOST_LINES:
      raise RecordingError(f"the frame at byte {offset} has more than {MOST_LINES} lines")
    yield Frame(offset, line, text)
    line += count


def _unpacked(source: _Bytes, offset: int, line: int) -> bytes:
  unpacker = ZstdDecompressor()
  parts: list[bytes] = []
  size = taken = 0
  while not unpacker.eof:
    if unpacker.needs_input and not source.fill(1):
      raise Torn(offset, line, source.offset - offset, broken=False)
    data = source.take(len(source.held)) if unpacker.needs_input else b""
    taken += len(data)
    try:
      parts.append(unpacker.decompress(data, _READ * 16))
    except ZstdError:
      while source.fill(1):
        taken += len(source.take(len(source.held)))
      raise Torn(offset, line, taken, broken=True) from None
    size += len(parts[-1])
    if size > MOST_BYTES:
      raise RecordingError(f"the frame at byte {offset} unpacks to more than {MOST_BYTES} bytes")
  rest = unpacker.unused_data
  source.held = rest + source.held
  source.offset -= len(rest)
  return b"".join(parts)


class Part(NamedTuple):
  """The lines of one frame: events, and the venues' own messages beside them. `line` is the number
  of the first in its segment; `ts` the first and last receive time of its events, where known."""

  path: Path
  line: int
  lines: list[bytes]
  ts: tuple[int, int] | None


def header_of(path: Path) -> Header:
  """The header of a segment. Raises RecordingError where the file is no recording."""
  try:
    for frame in frames(path):
      return read_header(path, frame.text.partition(b"\n")[0])
  except Torn:
    pass
  raise RecordingError(f"{path} is no recording; `bond record` writes one")


def last_digest(path: Path) -> str | None:
  """The last digest (hex) of a segment that was closed; None of one that was not."""
  with path.open("rb") as file:
    file.seek(max(0, path.stat().st_size - TRAILER_BYTES))
    data = file.read()
  if not data.startswith(TRAILER_HEAD):
    return None
  return data[len(TRAILER_HEAD) :][:64].decode(errors="replace")


def read_header(path: Path, line: bytes) -> Header:
  """The header that a line holds. Raises RecordingError where it is none."""
  try:
    found = _header(line)
  except msgspec.DecodeError as exc:
    raise RecordingError(f"{path} is no recording; `bond record` writes one") from exc
  if found.format != 1:
    raise RecordingError(
      f"{path} is of format {found.format}, which a newer Bond reads: "
      "pip install --upgrade bond-recordkit"
    )
  return found


def segments_of(path: Path) -> list[Path]:
  """The files of a recording in order: its earlier segments that stand beside it, and itself.
  Raises RecordingError where it is no recording, or where the file of an earlier segment is none
  of it."""
  own = header_of(path)
  if not suffix_of(path.name) or not path.parent.is_dir():
    return [path]
  found: list[tuple[int, Path]] = []
  others: dict[int, Path] = {}
  continued = {own.segment - 1} if own.previous is not None else set[int]()
  for other in path.parent.iterdir():
    number = segment_number(other.name, path.name)
    if number is None or not other.is_file():
      continue
    try:
      header = header_of(other)
    except RecordingError:
      others[number] = other
      continue
    if header.recording == own.recording and header.segment < own.segment:
      found.append((header.segment, other))
      if header.previous is not None:
        continued.add(header.segment - 1)
    else:
      others[number] = other
  for number in sorted((continued & others.keys()) - {segment for segment, _ in found}):
    raise RecordingError(
      f"{others[number]} stands where segment {number} of {path} belongs, and is none of it: its "
      "header was altered, or it was replaced; without that file the rest can be read"
    )
  return [*(other for _, other in sorted(found)), path]


class Run(NamedTuple):
  """The segments that one run of a recorder wrote, with their header: the numbers of the events in
  them are of its epoch. One that is started again has another."""

  paths: list[Path]
  header: Header


def runs_of(paths: Sequence[Path]) -> list[Run]:
  """The runs that the segments of a recording are of, in order."""
  found: list[Run] = []
  for path in paths:
    header = header_of(path)
    if not found or header.epoch != found[-1].header.epoch:
      found.append(Run([], header))
    found[-1].paths.append(path)
  return found


def parts(paths: Sequence[Path]) -> Iterator[Part]:
  """What segments hold, frame by frame, up to the last whole frame of one whose recorder was
  killed. Raises RecordingError where what follows was altered, or where a segment is missing."""
  before: tuple[Path, Header] | None = None
  for path in paths:
    try:
      for frame in frames(path):
        if frame.skipped:
          continue
        lines = frame.text.splitlines()
        if frame.line == 1 and lines:
          header = read_header(path, lines[0])
          _check_follows(before, path, header)
          before = path, header
        ts = None
        if lines and lines[-1].startswith(META[1]):
          ts = _digest(lines[-1]).ts
        kept = [line for line in lines if line and not line.startswith(META)]
        if kept:
          first = frame.line + (lines[0].startswith(META))
          yield Part(path, first, kept, ts)
    except Torn as torn:
      if torn.broken or last_digest(path) is not None:
        raise RecordingError(
          f"{path} is damaged from byte {torn.offset} on; `bond verify {path}` says more"
        ) from torn
    except msgspec.DecodeError as exc:
      raise RecordingError(f"{path} is damaged: {exc}; `bond verify {path}` says where") from exc


def _check_follows(before: tuple[Path, Header] | None, path: Path, header: Header) -> None:
  if before is None:
    return
  other, last = before
  if header.recording == last.recording and header.segment != last.segment + 1:
    raise RecordingError(
      f"{path} is segment {header.segment}, and {other} is segment {last.segment}: what lies "
      f"between is missing, or was recorded while this was read, and reading again finds it. "
      f"{other} alone is read up to there; where it is moved away, the rest is read"
    )


def event_lines(paths: Sequence[Path]) -> Iterator[Part]:
  """The same without the venues' own messages."""
  for part in parts(paths):
    lines = [line for line in part.lines if not line.startswith(RAW)]
    if lines:
      yield part._replace(lines=lines)
