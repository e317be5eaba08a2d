"""Recordings of Binance's messages, as records in the order in which they were received.

Two formats, plain or gzip: lines of `NANOSECONDS FRAME` with REST snapshots among them, and
captures of cryptofeed: `SECONDS: FRAME` after a `URL <-> SECONDS` line, and `URL -> SECONDS: BODY`
for REST responses. Frames are those of combined streams. What `bond record --raw` wrote is read as
a capture of each market that it has."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import attrs
from bond_simkit import SimulatorError

from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName, locate
from bond_sim.market.capture_files import capture_lines, is_recording, nanoseconds

_FRAME = b'{"stream":"'
_SNAPSHOT = b'{"lastUpdateId"'
_REST = re.compile(rb"(https?://\S+) -> ([\d.]+): (.*)")
_TIMED = re.compile(rb"([\d.]+): (.*)")
_COIN_M = re.compile(r"[^@]+usd_(perp|\d{6})@")
_URL = re.compile(rb"(https?|wss?)://\S+")


class BinanceRecord(NamedTuple):
  """One recorded message. A frame has a `stream`. A book snapshot has none, and the `symbol` of its
  request ("" where the recording does not say). `data` is exactly what was recorded."""

  time_ns: int
  stream: str
  data: bytes
  symbol: str = ""


@attrs.define
class BinanceCapture:
  """The contents of a recording: its market (with `only`, no other is read), its streams with their
  numbers of frames, the first and last receive time in ns, each symbol's first snapshot, and a
  recorded exchangeInfo."""

  path: Path
  market: BinanceMarketName | Literal[""] = ""
  streams: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0
  last_ns: int = 0
  snapshots: dict[str, bytes] = attrs.field(factory=dict)
  exchange_info: bytes | None = None
  only: BinanceMarketName | None = None

  @property
  def empty(self) -> bool:
    """Whether nothing of the venue is in it."""
    return not self.streams and not self.snapshots and self.exchange_info is None

  @property
  def symbols(self) -> list[str]:
    """Upper-case symbols, in order of appearance."""
    streamed = dict.fromkeys(name.partition("@")[0].upper() for name in self.streams)
    return [*streamed, *(symbol for symbol in self.snapshots if symbol not in streamed)]


def scan(path: Path) -> list[BinanceCapture]:
  """The contents of a recording, by market, from reading it through. Raises SimulatorError for a
  file that is not a recording."""
  markets = (SPOT, USDM, COINM) if is_recording(path) else (None,)
  captures = [_scan(BinanceCapture(path, only=market)) for market in markets]
  found = [capture for capture in captures if not capture.empty]
  if not found:
    raise SimulatorError(
      f"{path} holds no Binance messages; expected lines of a combined stream, "
      'such as 1723161253937085768 {"stream":"btcusdt@trade",…}, or a capture of cryptofeed'
    )
  return found


def _scan(capture: BinanceCapture) -> BinanceCapture:
  for record in _records(capture):
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
  if "" in capture.snapshots:
    capture.snapshots = {capture.symbols[0]: capture.snapshots[""]}
  capture.market = capture.only or capture.market or SPOT
  return capture


def records(path: Path, only: BinanceMarketName | None = None) -> Iterator[BinanceRecord]:
  """The records of a recording, or of one market in it, in order."""
  return _records(BinanceCapture(path, only=only))


def _records(capture: BinanceCapture) -> Iterator[BinanceRecord]:
  """The records of a recording; `capture` gets what is in the lines that are not records."""
  for number, line in capture_lines(capture.path, "binance"):
    if url := _URL.match(line):
      capture.market = _market(url[0].decode())
    if capture.only in (None, capture.market):
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
    if url.path.endswith("/exchangeInfo"):
      capture.exchange_info = response[3]
    elif url.path.endswith("/depth"):
      symbol = parse_qs(url.query)["symbol"][0]
      return BinanceRecord(nanoseconds(response[2]), "", response[3], symbol)
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


def _market(url: str) -> BinanceMarketName:
  """The market of a URL of the venue, or of a simulator."""
  parts = urlsplit(url)
  named = locate(f"/{parts.netloc}{parts.path}").market
  return named if named != SPOT else locate(parts.path).market
