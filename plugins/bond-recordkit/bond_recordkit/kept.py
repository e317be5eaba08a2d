"""The venues' own messages in a recording: a line each, in front of the events that were made of
them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from bond_recordkit.errors import RecordingError
from bond_recordkit.format import MOST_BYTES, RAW
from bond_recordkit.reader import parts

MOST_HELD = MOST_BYTES // 4
"""Bytes that wait for the disk at most; what comes beyond is counted."""

MOST_SHOWN = 64 * 1024 * 1024
"""Bytes that one answer holds."""


class KeptFrame(
  msgspec.Struct, tag_field="type", tag="frame", kw_only=True, omit_defaults=True, gc=False
):
  """A message as it was received at `ts_event` (ms), from a socket at `url` or as the answer to a
  request there; `posted` is the body of that request. `data` is the text, `binary` what is none.
  With `missed` it stands for so many that the disk was too slow for; `opened` is no message, but
  when the socket at `url` was opened."""

  exchange: str
  ts_event: int
  url: str = ""
  posted: str = ""
  data: str = ""
  binary: bytes = b""
  missed: int = 0
  opened: bool = False

  @property
  def answered(self) -> bool:
    """Whether it is the answer to a request."""
    return self.url.startswith("http") and not self.opened


_encode_lines = msgspec.json.Encoder().encode_lines
_decode = msgspec.json.Decoder(KeptFrame).decode


class KeptFrames:
  """Messages that wait until the recording takes them."""

  def __init__(self) -> None:
    self.bytes = 0
    self._lines: list[bytes] = []
    self._missed: Counter[str] = Counter()
    self._newest_ms = 0

  def keep(
    self,
    exchange: str,
    received_ms: int,
    url: str,
    messages: Sequence[bytes],
    posted: bytes | None = None,
  ) -> None:
    """Keeps messages that were received together."""
    self._newest_ms = received_ms
    if self.bytes >= MOST_HELD:
      self._missed[exchange] += len(messages)
      return
    text = (posted or b"").decode(errors="replace")
    lines = _encode_lines(
      [_frame(exchange, received_ms, url, text, message) for message in messages]
    )
    self._lines += lines.splitlines()
    self.bytes += len(lines)

  def keep_opening(self, exchange: str, opened_ms: int, url: str) -> None:
    """Notes that a connection was opened: a venue may send first what was before."""
    opening = KeptFrame(exchange=exchange, ts_event=opened_ms, url=url, opened=True)
    lines = _encode_lines([opening])
    self._lines += lines.splitlines()
    self.bytes += len(lines)

  def taken(self) -> list[bytes]:
    """The lines that wait; they wait no longer."""
    lines, self._lines, self.bytes = self._lines, [], 0
    missed, self._missed = self._missed, Counter()
    at = self._newest_ms
    lost = [KeptFrame(exchange=name, ts_event=at, missed=many) for name, many in missed.items()]
    return lines + _encode_lines(lost).splitlines()


def _frame(exchange: str, received_ms: int, url: str, posted: str, message: bytes) -> KeptFrame:
  try:
    text, binary = message.decode(), b""
  except UnicodeDecodeError:
    text, binary = "", message
  return KeptFrame(
    exchange=exchange, ts_event=received_ms, url=url, posted=posted, data=text, binary=binary
  )


def bare_url(url: str) -> str:
  """A URL without what may be a credential, or is long: its user, and of a socket its query."""
  scheme, host, path, query, _ = urlsplit(url)
  kept = query if scheme.startswith("http") else ""
  return urlunsplit((scheme, host.rpartition("@")[2], path, kept, ""))


def kept_frames(paths: Sequence[Path], exchange: str | None = None) -> Iterator[KeptFrame]:
  """The messages in a recording, of all venues or of one, in order. Raises RecordingError."""
  for part in parts(paths):
    for line in part.lines:
      if line.startswith(RAW):
        try:
          frame = _decode(line)
        except msgspec.DecodeError as exc:
          raise RecordingError(f"{part.path} is damaged: {exc}; bond verify says where") from exc
        if exchange in (None, frame.exchange):
          yield frame


def frames_at(
  paths: Sequence[Path], moments: Iterable[tuple[str, int]], most_bytes: int = MOST_SHOWN
) -> tuple[list[KeptFrame], int]:
  """The messages that a venue sent at a time of receipt, for all these (exchange, ms), the first of
  them up to so many bytes; and how many more there are."""
  wanted = frozenset(moments)
  found: list[KeptFrame] = []
  size = left_out = 0
  for frame in kept_frames(paths) if wanted else ():
    if (frame.exchange, frame.ts_event) not in wanted or frame.missed or frame.opened:
      continue
    size += len(frame.data) + len(frame.binary)
    if size > most_bytes:
      left_out += 1
    else:
      found.append(frame)
  return found, left_out
