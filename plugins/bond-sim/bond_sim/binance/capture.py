"""Recordings of Binance's messages, as records in the order in which they were received.

Two formats, plain or gzip: lines of `NANOSECONDS FRAME` with REST snapshots among them, and
captures of cryptofeed: `SECONDS: FRAME` after a `URL <-> SECONDS` line, and `URL -> SECONDS: BODY`
for REST responses. Frames are those of combined streams."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import attrs
from bond_simkit import SimulatorError

from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName
from bond_sim.market.capture_files import capture_lines, nanoseconds

_FRAME = b'{"stream":"'
_SNAPSHOT = b'{"lastUpdateId"'
_REST = re.compile(rb"(https?://\S+) -> ([\d.]+): (.*)")
_TIMED = re.compile(rb"([\d.]+): (.*)")
_COIN_M = re.compile(r"[^@]+usd_(perp|\d{6})@")
_OPENED = re.compile(rb"(wss?://\S+) <-> [\d.]+")


class BinanceRecord(NamedTuple):
  """One recorded message. A frame has a `stream`. A book snapshot has none, and the `symbol` of its
  request ("" where the recording does not say). `data` is exactly what was recorded."""

  time_ns: int
  stream: str
  data: bytes
  symbol: str = ""


@attrs.define
class BinanceCapture:
  """The contents of a recording: its market, its streams with their numbers of frames, the first
  and last receive time in ns, each symbol's first snapshot, and a recorded exchangeInfo."""

  path: Path
  market: BinanceMarketName | Literal[""] = ""
  streams: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0
  last_ns: int = 0
  snapshots: dict[str, bytes] = attrs.field(factory=dict)
  exchange_info: bytes | None = None

  @property
  def symbols(self) -> list[str]:
    """Upper-case symbols, in order of appearance."""
    streamed = dict.fromkeys(name.partition("@")[0].upper() for name in self.streams)
    return [*streamed, *(symbol for symbol in self.snapshots if symbol not in streamed)]


def scan(path: Path) -> BinanceCapture:
  """The contents of a recording, from reading it through. Raises SimulatorError for a file that is
  not a recording."""
  capture = BinanceCapture(path)
  for record in _records(path, capture):
    capture.first_ns = min(capture.first_ns or record.time_ns, record.time_ns)
    capture.last_ns = max(capture.last_ns, record.time_ns)
    if record.stream:
      capture.streams[record.stream] += 1
      if not capture.market and _COIN_M.match(record.stream):
        capture.market = COINM
      if not capture.market and record.stream.endswith(("@trade", "@depth@100ms", "@depth@0ms")):
        capture.market = USDM if b'"pu":' in record.data or b'"X":' in record.data else SPOT
    else:
      capture.snapshots.setdefault(record.symbol, record.data)
  if not capture.streams and not capture.snapshots and capture.exchange_info is None:
    raise SimulatorError(
      f"{path} holds no Binance messages; expected lines of a combined stream, "
      'such as 1723161253937085768 {"stream":"btcusdt@trade",…}, or a capture of cryptofeed'
    )
  if "" in capture.snapshots:
    capture.snapshots = {capture.symbols[0]: capture.snapshots[""]}
  capture.market = capture.market or SPOT
  return capture


def records(path: Path) -> Iterator[BinanceRecord]:
  """The records of a recording, in order."""
  return _records(path, BinanceCapture(path))


def _records(path: Path, capture: BinanceCapture) -> Iterator[BinanceRecord]:
  """The records of a recording; `capture` gets what is in the lines that are not records."""
  for number, line in capture_lines(path):
    record = _record(line, capture, number)
    if record is not None:
      yield record


def _record(line: bytes, capture: BinanceCapture, number: int) -> BinanceRecord | None:
  clock, separator, rest = line.partition(b" ")
  if separator and _FRAME in line and not line.endswith((b"}}", b"]}")):
    raise SimulatorError(f"{capture.path}:{number}: the frame is cut short; remove the line")
  if separator and rest.startswith((_FRAME, _SNAPSHOT)):
    if clock.isdigit():
      return _message(int(clock), rest, "")
    if timed := _TIMED.fullmatch(line):
      return _message(nanoseconds(timed[1]), timed[2], "")
  if response := _REST.fullmatch(line):
    url = urlsplit(response[1].decode())
    capture.market = _market(url.netloc)
    if url.path.endswith("/exchangeInfo"):
      capture.exchange_info = response[3]
    elif url.path.endswith("/depth"):
      symbol = parse_qs(url.query)["symbol"][0]
      return BinanceRecord(nanoseconds(response[2]), "", response[3], symbol)
  elif opened := _OPENED.match(line):
    capture.market = _market(urlsplit(opened[1].decode()).netloc)
  elif separator and rest.startswith(b"{") and clock.isdigit():
    raise SimulatorError(
      f"{capture.path}:{number}: neither a frame of a combined stream nor a snapshot"
    )
  return None


def _message(time_ns: int, text: bytes, symbol: str) -> BinanceRecord:
  if text.startswith(_SNAPSHOT):
    return BinanceRecord(time_ns, "", text, symbol)
  end = text.index(b'"', len(_FRAME))
  start = end + len(b'","data":')
  return BinanceRecord(time_ns, text[len(_FRAME) : end].decode(), text[start:-1])


def _market(host: str) -> BinanceMarketName:
  if host.startswith(("dapi", "dstream")):
    return COINM
  return USDM if host.startswith(("fapi", "fstream")) else SPOT
