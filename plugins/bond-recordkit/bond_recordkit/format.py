"""The format of recordings: JSON lines in Zstandard frames with digests (docs/recordings.md).

A segment is a file. Its first frame holds the header line, each other one lines of events; the
last line of every frame is its digest, which chains to the one before, and that of the header to
the segment before. A segment that was closed ends with a trailer: a skippable frame of 136 bytes
with its last digest, and the SHA-256 of all bytes before.
"""

import re
import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import count
from operator import mul
from typing import Any, Final
from zlib import crc32

import msgspec

FORMAT: Final = 1

FRAME_BYTES: Final = 1024 * 1024
"""A frame is written when its lines are so long, or when its first one has waited for a second."""

MOST_BYTES: Final = 256 * 1024 * 1024
"""No frame is larger than this when unpacked."""

MOST_LINES: Final = 1_000_000
"""No frame has more lines: each costs more memory than its bytes."""

META: Final = (b'{"type":"recording"', b'{"type":"digest"')
"""How the lines begin that describe the recording."""

RAW: Final = b'{"type":"frame"'
"""How the lines begin that hold a venue's own message."""

NOT_RECORDED: Final = "nothing was recorded between these times"
"""The cause of the gap that a recorder writes when it goes on: no transform was given it."""

_START: Final = b"bond-recording-1\n"
_TRAILER: Final = struct.Struct("<II")
_SKIPPABLE: Final = 0x184D2A5B
_HEX: Final = 64
TRAILER_BYTES: Final = _TRAILER.size + 2 * _HEX
TRAILER_HEAD: Final = _TRAILER.pack(_SKIPPABLE, 2 * _HEX)

_SUFFIX = re.compile(r"(\.jsonl|\.json|\.ndjson)?\.zst$")
_DIGEST = re.compile(
  rb'(?P<head>\{"type":"digest","frame":(?P<frame>\d{1,18}),"lines":(?P<lines>\d{1,18}),.*'
  rb'"sums":\[(?P<sum>\d{1,40}),(?P<weighted>\d{1,40})\]),"sha256":"(?P<sha256>[0-9a-f]{64})"'
  rb'(,"signature":"(?P<signature>[0-9a-f]{128})")?\}'
)


class Header(msgspec.Struct, tag_field="type", tag="recording", kw_only=True):
  """The first line of a segment.

  `recording` is one for all segments of a recording, `previous` the last digest of the segment
  before. `spec` is what was recorded, with secrets as references; `versions` are the installed
  packages of Bond, `epoch` is that of the log whose numbers the events have. `skews` are receive
  time minus venue time (ms), the least of the first events of each exchange.
  """

  format: int = FORMAT
  recording: str
  segment: int = 1
  previous: str | None = None
  started_at: str = ""
  ts_event: int = 0
  name: str = ""
  stream_id: str = ""
  epoch: str = ""
  spec: Any = None
  versions: dict[str, str] = msgspec.field(default_factory=dict)
  skews: dict[str, int] = msgspec.field(default_factory=dict)
  raw: bool = False
  public_key: str | None = None


class Digest(msgspec.Struct, kw_only=True):
  """The last line of a frame, as far as readers use it: `lines` stand before it in the frame,
  `seq` and `ts` are the first and last number and receive time of its events."""

  frame: int
  lines: int
  seq: tuple[int, int] | None = None
  ts: tuple[int, int] | None = None
  sha256: str
  signature: str | None = None


class Sealed(msgspec.Struct):
  """What a digest line says, split for checking: `head` is what the digest covers of it."""

  head: bytes
  frame: int
  lines: int
  sums: tuple[int, int]
  sha256: bytes
  signature: bytes | None


def start_of(previous: str | None) -> bytes:
  """What the first digest of a segment chains to."""
  return sha256(_START + (previous or "").encode()).digest()


def chained(before: bytes, body: bytes, head: bytes) -> bytes:
  """The digest of a frame: of the one before, its lines, and what its digest line says of them."""
  return sha256(b"".join((before, body, head))).digest()


def sums(lines: Sequence[bytes]) -> tuple[int, int]:
  """Two sums over the checksums of lines, the second one weighted by their place: together they
  tell which line of a frame was altered, removed, added or moved."""
  values = list(map(crc32, lines))
  return sum(values), sum(map(mul, values, count(1)))


def digest_head(
  frame: int, lines: int, found: tuple[int, int], seq: Sequence[int], ts: Sequence[int]
) -> bytes:
  """The part of a digest line that the digest covers."""
  span = "".join(
    f'"{name}":[{min(values)},{max(values)}],'
    for name, values in (("seq", seq), ("ts", ts))
    if values
  )
  text = f'{{"type":"digest","frame":{frame},"lines":{lines},{span}"sums":[{found[0]},{found[1]}]'
  return text.encode()


def digest_line(head: bytes, digest: bytes, signature: bytes | None) -> bytes:
  """The whole digest line."""
  signed = f',"signature":"{signature.hex()}"' if signature is not None else ""
  return head + f',"sha256":"{digest.hex()}"{signed}}}'.encode()


def read_digest(line: bytes) -> Sealed | None:
  """What a digest line says; None where it is none."""
  found = _DIGEST.fullmatch(line)
  if found is None:
    return None
  signature = found["signature"]
  return Sealed(
    found["head"],
    int(found["frame"]),
    int(found["lines"]),
    (int(found["sum"]), int(found["weighted"])),
    bytes.fromhex(found["sha256"].decode()),
    None if signature is None else bytes.fromhex(signature.decode()),
  )


def trailer(digest: bytes, packed: bytes) -> bytes:
  """The last bytes of a segment that was closed: its last digest, and that of its bytes."""
  return TRAILER_HEAD + digest.hex().encode() + packed.hex().encode()


def is_meta(line: bytes) -> bool:
  """Whether a line describes the recording, or holds a venue's own message, and is no event."""
  return line.startswith((*META, RAW))


def suffix_of(name: str) -> str:
  """The end of a recording's name; "" where it is no name of one."""
  found = _SUFFIX.search(name)
  return found[0] if found else ""


def numbered(name: str, segment: int) -> str:
  """The name that an earlier segment has: btc.3.jsonl.zst."""
  suffix = suffix_of(name)
  return f"{name.removesuffix(suffix)}.{segment}{suffix}"


def segment_number(name: str, of: str) -> int | None:
  """Which segment of the recording `of` a file's name says it is."""
  suffix = suffix_of(of)
  base = of.removesuffix(suffix)
  middle = name.removeprefix(f"{base}.").removesuffix(suffix)
  return int(middle) if name == f"{base}.{middle}{suffix}" and middle.isdecimal() else None


def body_of(lines: Iterable[bytes]) -> bytes:
  """Lines as they stand in a frame."""
  return b"".join([line + b"\n" for line in lines])
