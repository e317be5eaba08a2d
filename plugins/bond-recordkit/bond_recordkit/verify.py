"""Finds what was altered, removed, added or reordered in a recording, and names the line."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import attrs

from bond_recordkit.errors import RecordingError
from bond_recordkit.format import (
  TRAILER_BYTES,
  TRAILER_HEAD,
  Header,
  Sealed,
  chained,
  digest_line,
  read_digest,
  start_of,
  sums,
  trailer,
)
from bond_recordkit.reader import Frame, Torn, frames, read_header
from bond_recordkit.signing import Prover

MOST_FAULTS = 20

_SHOWN = 100
_MOST_LINES = 10_000
"""Frames of more lines, which no recorder writes, are not searched for the lines that moved."""
_READ = 1024 * 1024


@attrs.frozen
class Fault:
  """One thing that is wrong: `line` counts the lines of the unpacked file from 1."""

  path: Path
  line: int
  message: str

  def __str__(self) -> str:
    return f"{self.path}:{self.line}: {self.message}"


@attrs.define
class Report:
  """What verifying found. `notes` are no faults: what a reader has to know."""

  segments: int = 0
  frames: int = 0
  lines: int = 0
  signed: bool = False
  digest: str = ""
  faults: list[Fault] = attrs.field(factory=list)
  notes: list[str] = attrs.field(factory=list)

  @property
  def sound(self) -> bool:
    """Whether nothing is wrong."""
    return not self.faults


def verify(paths: Sequence[Path], public_key: str | None = None) -> Report:
  """Checks the segments of a recording, in order, against their digests, and against a public key
  (hex) where one is given. Raises RecordingError for a file that is no recording."""
  report = Report()
  before: tuple[Path, Header, str] | None = None
  for path in paths:
    segment = _Segment(path, report, public_key)
    header = segment.check()
    _check_order(report, before, path, header)
    before = path, header, segment.chain.hex()
    report.segments += 1
    report.signed = segment.signed and (report.signed or report.segments == 1)
    report.digest = before[2]
  return report


def _check_order(
  report: Report, before: tuple[Path, Header, str] | None, path: Path, header: Header
) -> None:
  if before is None:
    if header.previous is not None:
      report.notes.append(f"{path} is segment {header.segment}; earlier ones are not here")
    return
  other, last, digest = before
  if header.recording != last.recording:
    problem = f"is of another recording than {other}"
  elif header.segment != last.segment + 1:
    problem = f"is segment {header.segment}; {other} is segment {last.segment}"
  elif header.previous != digest:
    problem = f"does not continue {other}, whose end was altered or removed"
  else:
    return
  report.faults.append(Fault(path, 1, problem))


class _Segment:
  """One file, read frame by frame."""

  def __init__(self, path: Path, report: Report, public_key: str | None) -> None:
    self.chain = b""
    self.signed = False
    self._path = path
    self._report = report
    self._given = public_key
    self._prover: Prover | None = None
    self._number = 0
    self._line = 1
    self._ended = False

  def check(self) -> Header:
    """Looks at every line; its header. Raises RecordingError where there is none."""
    header: Header | None = None
    try:
      for frame in frames(self._path):
        if self._ended:
          self._fault(frame.line, "something stands behind the end of the recording")
        elif frame.skipped:
          self._end(frame)
        else:
          lines = frame.text.split(b"\n")
          if header is None:
            header = self._read_header(frame, lines[0])
          self._check_frame(frame, lines)
        if len(self._report.faults) >= MOST_FAULTS:
          break
    except Torn as torn:
      self._torn(torn)
    if header is None:
      raise RecordingError(f"{self._path} is no recording, or its header was altered")
    if not self._ended and self._report.sound:
      self._report.notes.append(
        f"{self._path} was not closed: its recorder was killed, or still runs; up to line "
        f"{self._line - 1} it is whole"
      )
    return header

  def _fault(self, line: int, message: str) -> None:
    if len(self._report.faults) < MOST_FAULTS:
      self._report.faults.append(Fault(self._path, line, message))

  def _read_header(self, frame: Frame, line: bytes) -> Header:
    try:
      header = read_header(self._path, line)
    except RecordingError:
      if not line.startswith(b'{"type":"recording"'):
        raise
      self._fault(frame.line, "the header was altered")
      header = Header(recording="")
    self.chain = start_of(header.previous)
    key = self._given or header.public_key
    if self._given is not None and header.public_key != self._given:
      self._fault(1, "the recording is not signed with this key")
    elif key is not None:
      self._prover = Prover(key)
      self.signed = True
    return header

  def _check_frame(self, frame: Frame, lines: list[bytes]) -> None:
    self._line = frame.line + len(lines) - 1
    self._report.frames += 1
    # A whole frame ends with a line break.
    sealed = read_digest(lines[-2]) if len(lines) > 1 and not lines[-1] else None
    if sealed is None:
      self._fault(self._line - 1, "the digest of the lines before was altered or removed")
      self._number += 1
      return
    body = lines[:-2]
    self._report.lines += len(body)
    if sealed.frame != self._number:
      what = "is missing" if sealed.frame == self._number + 1 else "and others are not in order"
      self._fault(frame.line, f"before this line, frame {self._number} {what}")
    self._number = sealed.frame + 1
    text = frame.text[: len(frame.text) - len(lines[-2]) - 1]
    digest = chained(self.chain, text, sealed.head)
    said = digest_line(sealed.head, sealed.sha256, sealed.signature)
    if digest != sealed.sha256 or said != lines[-2]:
      at, what = located(body, sealed)
      shown = ""
      if at is not None and at < len(body):
        shown = f": {body[at][:_SHOWN].decode(errors='replace')}"
      self._fault(frame.line + (at or 0), f"{what}{shown}")
    elif self._prover is not None and not (
      sealed.signature is not None and self._prover.proves(digest, sealed.signature)
    ):
      self._fault(self._line - 1, "the signature of the lines before is not of this key")
    self.chain = sealed.sha256

  def _end(self, frame: Frame) -> None:
    self._ended = True
    with self._path.open("rb") as file:
      packed = _digest_of(file, frame.offset)
      said = file.read(TRAILER_BYTES)
    if not frame.text.startswith(self.chain.hex().encode()):
      self._fault(frame.line, "the end was altered, or frames before it were removed")
    elif said != trailer(self.chain, packed) and self._report.sound:
      self._fault(frame.line, "bytes were altered between this file's lines, or in its end")

  def _torn(self, torn: Torn) -> None:
    size = self._path.stat().st_size
    with self._path.open("rb") as file:
      file.seek(max(0, size - TRAILER_BYTES))
      closed = file.read().startswith(TRAILER_HEAD)
    if torn.broken or closed:
      self._fault(
        torn.line, f"the frame that begins here (byte {torn.offset} of the file) was altered"
      )
    elif self._ended:
      self._fault(torn.line, "something stands behind the end of the recording")
    else:
      self._report.notes.append(
        f"{self._path} ends within a frame, of which {torn.size} bytes were written"
      )


def _digest_of(file: BinaryIO, size: int) -> bytes:
  """The SHA-256 of the first bytes of a file."""
  found = sha256()
  while size and (data := file.read(min(size, _READ))):
    found.update(data)
    size -= len(data)
  return found.digest()


def located(lines: Sequence[bytes], sealed: Sealed) -> tuple[int | None, str]:
  """Which line of a frame (from 0) is not as its digest says, and what was done; None where no
  single change explains it."""
  total, weighted = sums(lines)
  less, moved = sealed.sums[0] - total, sealed.sums[1] - weighted
  several = f"lines were altered among these {len(lines)}"
  values = [crc32(line) for line in lines]
  if len(lines) == sealed.lines:
    if less:
      at, rest = divmod(moved, less)
      if not rest and 1 <= at <= len(lines):
        return at - 1, "this line was altered"
      return None, several
    if moved and len(lines) <= _MOST_LINES:
      return _reordered(values, moved)
    if moved:
      return None, several
    return None, f"the digest of these {len(lines)} lines, or something before them, was altered"
  if len(lines) == sealed.lines - 1:
    # With the line back at a place, those behind it count one more.
    behind = [0, *accumulate(reversed(values))]
    for place in range(1, len(lines) + 2):
      if place * less + behind[len(lines) - place + 1] == moved:
        return place - 1, "a line is missing before this one"
  if len(lines) == sealed.lines + 1:
    behind = [0, *accumulate(reversed(values))]
    for place, value in enumerate(values, 1):
      if value == -less and place * value + behind[len(lines) - place] == -moved:
        return place - 1, "this line was added"
  return None, several


def _reordered(values: list[int], moved: int) -> tuple[int | None, str]:
  """Which two lines change places, or which one was moved, so that the weighted sum is again as it
  was."""
  count = len(values)
  for apart in range(1, count):
    if moved % apart:
      continue
    wanted = moved // apart
    for first in range(count - apart):
      if values[first] - values[first + apart] == wanted:
        if apart == 1:
          return first, "this line and the next changed places"
        return first, f"this line and the one {apart} lines below changed places"
  for at, value in enumerate(values):
    shift = 0
    for to in range(at + 1, count):
      shift += value - values[to]
      if shift == moved:
        return at, f"this line was moved here from {to - at} lines below"
    shift = 0
    for to in range(at - 1, -1, -1):
      shift -= value - values[to]
      if shift == moved:
        return at, f"this line was moved here from {at - to} lines above"
  return None, f"lines were reordered among these {count}"
