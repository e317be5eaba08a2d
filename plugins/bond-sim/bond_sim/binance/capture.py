"""Recordings of Binance's messages, read as records in the order they were received.

Two formats, plain or gzip: lines of `NANOSECONDS FRAME` with REST snapshots in line, and captures
of cryptofeed: `SECONDS: FRAME` behind a `URL <-> SECONDS` line, and `URL -> SECONDS: BODY` for REST
answers. Frames are those of combined streams.
"""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

import attrs

from bond_sim.binance.paths import SPOT, USDM
from bond_sim.errors import SimulatorError

_FRAME = b'{"stream":"'
_SNAPSHOT = b'{"lastUpdateId"'
_REST = re.compile(rb"(https?://\S+) -> ([\d.]+): (.*)")
_TIMED = re.compile(rb"([\d.]+): (.*)")
_OPENED = re.compile(rb"(wss?://\S+) <-> [\d.]+")


class Record(NamedTuple):
  """One recorded message. A frame has a `stream`; a book snapshot has the `symbol` it was asked for
  ("" where the recording does not say) and no stream. `data` is exactly what was recorded."""

  time_ns: int
  stream: str
  data: bytes
  symbol: str = ""


@attrs.define
class Contents:
  """What a recording holds: its market, its streams with their numbers of frames, the first and
  last receive time in ns, each symbol's first snapshot, and a recorded exchangeInfo."""

  path: Path
  market: str = ""
  streams: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0
  last_ns: int = 0
  snapshots: dict[str, bytes] = attrs.field(factory=dict)
  exchange_info: bytes | None = None

  @property
  def symbols(self) -> list[str]:
    """Upper-case symbols, in order of appearance."""
    named = dict.fromkeys(name.partition("@")[0].upper() for name in self.streams)
    return [*named, *(symbol for symbol in self.snapshots if symbol not in named)]


def scan(path: Path) -> Contents:
  """Reads a recording once and says what it holds. Raises SimulatorError where it is none."""
  contents = Contents(path)
  for record in _records(path, contents):
    contents.first_ns = min(contents.first_ns or record.time_ns, record.time_ns)
    contents.last_ns = max(contents.last_ns, record.time_ns)
    if record.stream:
      contents.streams[record.stream] += 1
      if not contents.market and record.stream.endswith(("@trade", "@depth@100ms", "@depth@0ms")):
        contents.market = USDM if b'"pu":' in record.data or b'"X":' in record.data else SPOT
    else:
      contents.snapshots.setdefault(record.symbol, record.data)
  if not contents.streams and not contents.snapshots and contents.exchange_info is None:
    raise SimulatorError(
      f"{path} holds no Binance messages; expected lines of a combined stream, "
      'such as 1723161253937085768 {"stream":"btcusdt@trade",…}, or a capture of cryptofeed'
    )
  if "" in contents.snapshots:
    named = contents.symbols
    contents.snapshots = {named[0]: contents.snapshots[""]}
  contents.market = contents.market or SPOT
  return contents


def records(path: Path) -> Iterator[Record]:
  """The records of a recording, in order."""
  return _records(path, Contents(path))


def _records(path: Path, found: Contents) -> Iterator[Record]:
  try:
    with _open(path) as lines:
      for number, line in enumerate(lines, 1):
        record = _record(line.rstrip(b"\r\n"), found, number)
        if record is not None:
          yield record
  except (OSError, EOFError) as error:
    raise SimulatorError(f"cannot read the recording {path}: {error}") from error


def _open(path: Path) -> BinaryIO:
  with path.open("rb") as file:
    packed = file.read(2) == b"\x1f\x8b"
  return cast("BinaryIO", gzip.open(path, "rb") if packed else path.open("rb"))


def _record(line: bytes, found: Contents, number: int) -> Record | None:
  clock, separator, rest = line.partition(b" ")
  if separator and _FRAME in line and not line.endswith((b"}}", b"]}")):
    raise SimulatorError(f"{found.path}:{number}: the frame is cut short; remove the line")
  if separator and rest.startswith((_FRAME, _SNAPSHOT)):
    if clock.isdigit():
      return _message(int(clock), rest, "")
    if timed := _TIMED.fullmatch(line):
      return _message(_seconds(timed[1]), timed[2], "")
  if answer := _REST.fullmatch(line):
    url = urlsplit(answer[1].decode())
    found.market = _market(url.netloc)
    if url.path.endswith("/exchangeInfo"):
      found.exchange_info = answer[3]
    elif url.path.endswith("/depth"):
      symbol = parse_qs(url.query)["symbol"][0]
      return Record(_seconds(answer[2]), "", answer[3], symbol)
  elif opened := _OPENED.match(line):
    found.market = _market(urlsplit(opened[1].decode()).netloc)
  elif separator and rest.startswith(b"{") and clock.isdigit():
    raise SimulatorError(
      f"{found.path}:{number}: neither a frame of a combined stream nor a snapshot"
    )
  return None


def _message(time_ns: int, text: bytes, symbol: str) -> Record:
  if text.startswith(_SNAPSHOT):
    return Record(time_ns, "", text, symbol)
  end = text.index(b'"', len(_FRAME))
  start = end + len(b'","data":')
  return Record(time_ns, text[len(_FRAME) : end].decode(), text[start:-1])


def _seconds(text: bytes) -> int:
  whole, _, part = text.partition(b".")
  return int(whole) * 1_000_000_000 + int(part.ljust(9, b"0")[:9] or b"0")


def _market(host: str) -> str:
  return USDM if host.startswith(("fapi", "fstream")) else SPOT
