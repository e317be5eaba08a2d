"""Writes a recording: frames into segments that rotate. What returned is with the operating system,
so it survives the process."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from io import FileIO
from pathlib import Path

import attrs
import msgspec

from bond_core import Refused
from bond_core.config import parse_duration, parse_size
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import (
  Digest,
  Header,
  body_of,
  chained,
  digest_head,
  digest_line,
  numbered,
  read_digest,
  segment_number,
  start_of,
  sums,
  trailer,
)
from bond_recordkit.reader import frames_from_end, header_of
from bond_recordkit.signing import Signer
from bond_recordkit.zstd import compressed

_encode = msgspec.json.encode
_digest = msgspec.json.Decoder(Digest).decode


@attrs.frozen
class Rotation:
  """When a new segment begins: at `size` bytes, or after `seconds`; the newest `keep` earlier ones
  stay (0: all)."""

  size: int | None = None
  seconds: float | None = None
  keep: int = 0


def read_rotation(text: str) -> Rotation:
  """1h or 1GiB, or both as in 1h,1GiB. Raises ValueError for anything else."""
  size: int | None = None
  seconds: float | None = None
  for part in text.split(","):
    try:
      seconds = float(parse_duration(part.strip()))
    except ValueError:
      try:
        size = int(parse_size(part.strip()))
      except ValueError:
        raise ValueError(f"{part!r} is neither a time (1h) nor a size (1GiB)") from None
  if seconds == 0 or size == 0:
    raise ValueError("a segment needs a time or a size above 0")
  return Rotation(size, seconds)


class _Last:
  """Where the segment ended that stands at the path already: the digest of its last whole frame,
  and when the newest of its events was received, or where it has none, when it began. Raises
  RecordingError where it is no recording, and OSError."""

  def __init__(self, path: Path) -> None:
    self.header = header_of(path)
    self.digest = b""
    self.ts = 0
    for text in frames_from_end(path):
      line = text.rstrip(b"\n").rpartition(b"\n")[2]
      if (sealed := read_digest(line)) is None:
        continue
      self.digest = self.digest or sealed.sha256
      if (span := _digest(line).ts) is not None:
        self.ts = span[1]
        break
    self.ts = self.ts or self.header.ts_event


def _begins_a_recording(path: Path) -> bool:
  try:
    header_of(path)
  except RecordingError:
    return False
  return True


class RecordingWriter:
  """The open segment of a recording. Call it from one thread at a time.

  `describe` makes the header when the first frame comes, from which on there is a file. A recording
  that stands at the path is gone on with: its last segment takes its number into its name, and the
  new one chains to it. Raises Refused where the file cannot be written, or holds something else.
  """

  def __init__(
    self,
    path: Path,
    describe: Callable[[], Header],
    *,
    rotation: Rotation | None = None,
    signer: Signer | None = None,
  ) -> None:
    self.path = path
    self._next = path.with_name(f"{path.name}.next")
    self.bytes = 0
    """What was written, in all segments."""
    self.resumed_from: int | None = None
    """The receive time (ms) of the last event of the recording that is gone on with."""
    self._describe = describe
    self._rotation = rotation or Rotation()
    self._signer = signer
    self._file: FileIO | None = None
    self._recording = secrets.token_hex(8)
    self._segment = 0
    self._previous: str | None = None
    self._size = 0
    self._began = 0.0
    self._frame = 0
    self._chain = b""
    self._packed = sha256()
    # Whether a whole segment stands at the path. It moves aside when the next one begins, so that
    # there is always one.
    self._stands = False
    self._resume()

  def _resume(self) -> None:
    path = self.path
    try:
      path.parent.mkdir(parents=True, exist_ok=True)
      if not path.exists() and _begins_a_recording(self._next):
        # Its recorder was killed between the two names of a new segment.
        self._next.replace(path)
      if not path.exists() or not path.stat().st_size:
        self._segment = max(self._earlier(), default=0)
        # Also a folder that cannot be written shows now, not when the first events come.
        with path.open("ab"):
          pass
        return
      last = _Last(path)
      self._recording, self._segment = last.header.recording, last.header.segment
      self._previous = last.digest.hex()
      self.resumed_from = last.ts or None
      self._stands = True
    except RecordingError as exc:
      raise Refused(f"{exc}; give another name, or move the file away") from exc
    except OSError as exc:
      raise Refused(f"cannot write {path}: {exc.strerror}") from exc

  def _earlier(self) -> dict[int, Path]:
    """The earlier segments that stand beside the path, by number."""
    found = {}
    for other in self.path.parent.iterdir():
      if (number := segment_number(other.name, self.path.name)) is not None:
        found[number] = other
    return found

  def _set_aside(self) -> Path:
    aside = self.path.with_name(numbered(self.path.name, self._segment))
    if aside.exists():
      raise RecordingError(f"{aside} is there already")
    self.path.rename(aside)
    if self._rotation.keep:
      earlier = self._earlier()
      for number in sorted(earlier)[: -self._rotation.keep]:
        earlier[number].unlink(missing_ok=True)
    return aside

  def write(self, lines: Sequence[bytes], seq: Sequence[int] = (), ts: Sequence[int] = ()) -> None:
    """Appends one frame. Raises OSError where the disk fails: then nothing of it is written, and
    what was written before stays."""
    rotation = self._rotation
    full = rotation.size is not None and self._size >= rotation.size
    old = rotation.seconds is not None and time.monotonic() - self._began >= rotation.seconds
    if full or old:
      self._end()
    if self._file is None:
      self._begin()
    self._append(lines, seq, ts)

  def _begin(self) -> None:
    self._frame = 0
    self._chain = start_of(self._previous)
    self._packed = sha256()
    header = self._describe()
    header.recording, header.segment = self._recording, self._segment + 1
    header.previous = self._previous
    header.public_key = None if self._signer is None else self._signer.public_key
    # It has its header before it has its name: what stands at the path always is a recording.
    aside: Path | None = None
    try:
      self._file = self._next.open("wb", buffering=0)
      self._began, self._size = time.monotonic(), 0
      self._append([_encode(header)], (), ())
      if self._stands:
        aside = self._set_aside()
      self._next.replace(self.path)
    except (OSError, RecordingError):
      file, self._file = self._file, None
      if file is not None:
        file.close()
        self._next.unlink(missing_ok=True)
      if aside is not None:
        aside.replace(self.path)
      raise
    self._stands = False
    self._segment += 1

  def _append(self, lines: Sequence[bytes], seq: Sequence[int], ts: Sequence[int]) -> None:
    if self._file is None:
      raise ValueError("the recording is closed")
    head = digest_head(self._frame, len(lines), sums(lines), seq, ts)
    body = body_of(lines)
    digest = chained(self._chain, body, head)
    signature = None if self._signer is None else self._signer.sign(digest)
    data = compressed(body + digest_line(head, digest, signature) + b"\n")
    self._put(self._file, data)
    self._packed.update(data)
    self._chain, self._frame = digest, self._frame + 1

  def _put(self, file: FileIO, data: bytes) -> None:
    """Writes all of it, or nothing."""
    rest = memoryview(data)
    try:
      while rest:
        rest = rest[file.write(rest) :]
    except OSError:
      # Of a disk that is full: the last frame is whole, and goes on once there is room.
      with contextlib.suppress(OSError):
        file.truncate(self._size)
        file.seek(self._size)
      raise
    self._size += len(data)
    self.bytes += len(data)

  def _end(self) -> None:
    file, self._file = self._file, None
    if file is None:
      return
    # Also without its trailer it is a segment that the next one moves aside.
    self._previous, self._stands = self._chain.hex(), True
    with file:
      self._put(file, trailer(self._chain, self._packed.digest()))
      os.fsync(file.fileno())

  def close(self) -> None:
    """Ends the segment, on the disk when this returns. One without events has its header."""
    if self._file is None and self.path.exists() and not self.path.stat().st_size:
      self._begin()
    self._end()
