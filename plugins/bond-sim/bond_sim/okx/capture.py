"""Recordings of OKX's messages: captures of cryptofeed, plain or gzip.

Lines of `SECONDS: FRAME` for what was received on a socket, and `URL -> SECONDS: BODY` for answers
of "Get instruments".
"""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import msgspec

from bond_sim.errors import SimulatorError

_FRAME = re.compile(rb"(\d+)\.(\d+): (\{.*\})")
_LISTING = re.compile(
  rb"https?://\S+/api/v5/public/instruments\?instType=\w+\S* -> [\d.]+: (\{.*\})"
)


class _Arg(msgspec.Struct):
  channel: str
  instId: str = ""  # noqa: N815 - the venue's name


class _Frame(msgspec.Struct):
  arg: _Arg | None = None
  data: msgspec.Raw = msgspec.Raw()


_read_frame = msgspec.json.Decoder(_Frame).decode


class Record(NamedTuple):
  """One recorded message of a channel (as the hub names it), exactly as it was received."""

  time_ns: int
  stream: str
  data: bytes


@attrs.define
class Contents:
  """What a recording holds: its streams with their numbers of frames, the first receive time in ns,
  and the instruments that were listed."""

  path: Path
  streams: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0
  instruments: list[dict[str, Any]] = attrs.field(factory=list)


def scan(path: Path) -> Contents:
  """Reads a recording once and says what it holds. Raises SimulatorError where it is none."""
  contents = Contents(path)
  for record in _records(path, contents):
    contents.first_ns = contents.first_ns or record.time_ns
    contents.streams[record.stream] += 1
  if not contents.streams and not contents.instruments:
    raise SimulatorError(
      f"{path} holds no messages of OKX; expected a capture of cryptofeed, with lines such as "
      '1652459225.70: {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[…]}'
    )
  return contents


def records(path: Path) -> Iterator[Record]:
  """The records of a recording, in order."""
  return _records(path, Contents(path))


def _records(path: Path, found: Contents) -> Iterator[Record]:
  try:
    with path.open("rb") as file:
      packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as lines:
      for number, line in enumerate(lines, 1):
        line = line.rstrip(b"\r\n")
        if listed := _LISTING.fullmatch(line):
          found.instruments += msgspec.json.decode(listed[1])["data"]
        elif timed := _FRAME.fullmatch(line):
          frame = _read_frame(timed[3])
          if frame.arg is not None and bytes(frame.data):
            time_ns = int(timed[1]) * 10**9 + int(timed[2].ljust(9, b"0")[:9])
            yield Record(time_ns, f"{frame.arg.channel} {frame.arg.instId}", timed[3])
        elif b': {"arg"' in line:
          raise SimulatorError(f"{path}:{number}: the frame is cut short; remove the line")
  except (OSError, EOFError, msgspec.DecodeError, KeyError) as error:
    raise SimulatorError(f"cannot read the recording {path}: {error}") from error
