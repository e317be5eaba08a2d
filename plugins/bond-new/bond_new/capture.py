"""Reads recorded frames of a venue.

A line is one record: a frame (JSON) alone, or a time and the frame, as in `1723161256073 {"e":…}`
or `1723161256.07: {"e":…}`. Recorders also write a line for each connection (`URL <-> TIME`),
message sent (`URL <- TIME: …`) and answer over HTTP (`URL -> TIME: …`).
"""

import re
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import msgspec

from bond_core import BondError

MAX_BYTES = 256 * 1024 * 1024
"""What is read of a capture, unpacked."""

_OPENED = re.compile(rb"(?P<url>wss?://\S+) <-> [0-9.]+\s*")
_SENT = re.compile(rb"\S+ <- [0-9.]+: (?P<text>.*)")
_ANSWERED = re.compile(rb"(?P<url>\S+) -> [0-9.]+: (?P<text>.*)")
_TIMED = re.compile(rb"[0-9.]+:? (?P<text>.*)")


@attrs.frozen
class Capture:
  """What a capture holds: the messages received, in order, the bodies that paths of HTTP answered,
  the messages sent, the URLs opened, and how many lines were none of these."""

  name: str
  received: list[bytes] = attrs.field(factory=list)
  answers: list[tuple[str, bytes]] = attrs.field(factory=list)
  sent: list[bytes] = attrs.field(factory=list)
  urls: list[str] = attrs.field(factory=list)
  skipped: int = 0


def read_capture(path: Path) -> Capture:
  """Returns the frames in a file, plain or gzip. Raises BondError where there is none."""
  try:
    data = _unpacked(path.read_bytes())
  except OSError as exc:
    raise BondError(f"cannot read {path}: {exc.strerror}") from exc
  except (EOFError, zlib.error) as exc:
    raise BondError(f"{path} is a damaged gzip file: {exc}") from exc
  received: list[bytes] = []
  answers: list[tuple[str, bytes]] = []
  sent: list[bytes] = []
  urls: dict[str, None] = {}
  skipped = 0
  for line in data.splitlines():
    line = line.strip()
    if not line:
      continue
    if found := _OPENED.fullmatch(line):
      urls[found["url"].decode(errors="replace")] = None
    elif found := _SENT.fullmatch(line):
      sent.append(found["text"])
    elif found := _ANSWERED.fullmatch(line):
      if _is_json(found["text"]):
        place = urlsplit(found["url"].decode(errors="replace")).path
        answers.append((place, found["text"]))
      else:
        skipped += 1
    else:
      text = line if line[:1] in b"{[" else _text(line)
      if text is not None and _is_json(text):
        received.append(text)
      else:
        skipped += 1
  if not received and not answers:
    raise BondError(
      f"{path} has no frames; a line is a JSON message, with its time before it or without"
    )
  return Capture(path.name, received, answers, sent, list(urls), skipped)


def _text(line: bytes) -> bytes | None:
  found = _TIMED.fullmatch(line)
  return None if found is None else found["text"]


def _unpacked(data: bytes) -> bytes:
  """Returns the beginning of a file that may be gzip."""
  if data[:2] != b"\x1f\x8b":
    return data[:MAX_BYTES]
  unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
  return unpacker.decompress(data, MAX_BYTES)


def _is_json(text: bytes) -> bool:
  try:
    return isinstance(msgspec.json.decode(text), dict | list)
  except (msgspec.DecodeError, RecursionError):
    return False
