"""What the simulated OKX trades, and which channels tell of it."""

from functools import partial
from typing import Any

import msgspec

from bond_sim.clock import Clock
from bond_sim.hub import Hub
from bond_sim.market.topics import BOOK, CANDLE, EACH_TRADE, FORCED, QUOTE, STATE, TRADES, Stream
from bond_sim.market.venue import TopicVenue, today
from bond_sim.okx.bars import length_of
from bond_sim.okx.listing import Instrument, instruments
from bond_sim.okx.source import BUSINESS, PUBLIC, Joined
from bond_sim.okx.writer import OkxWriter

_EVERYWHERE = {
  "trades": Stream(TRADES, "trades"),
  "books": Stream(BOOK, "books", 100, 400, again=60_000),
  "books5": Stream(QUOTE, "books5", 100, 5),
  "bbo-tbt": Stream(QUOTE, "bbo-tbt", 0, 1),
  "tickers": Stream(STATE, "tickers", 100),
}
_ON_CONTRACTS = {
  "open-interest": Stream(STATE, "open-interest", 3_000),
  "mark-price": Stream(STATE, "mark-price", 200),
}
_ON_PERPETUALS = {"funding-rate": Stream(STATE, "funding-rate", 30_000)}
TRADES_ALL = Stream(EACH_TRADE, "trades-all")
LIQUIDATIONS = Stream(FORCED, "liquidation-orders")


class World:
  """A source of generated markets."""

  def __init__(
    self, *, seed: int, speed: float, symbols: list[str], clock: Clock, markets: int = 0
  ) -> None:
    listed = {one.product.symbol: one for one in instruments(today(clock), markets)}
    self.instruments: dict[str, Instrument] = {
      symbol: one for symbol, one in listed.items() if not symbols or symbol in symbols
    }
    self.writers = {symbol: OkxWriter(one) for symbol, one in self.instruments.items()}
    self.venue = TopicVenue(
      [(symbol, one.product, self.writers[symbol]) for symbol, one in self.instruments.items()],
      seed=seed,
      speed=speed,
      clock=clock,
      span=span,
    )

  @property
  def hub(self) -> Hub:
    return self.venue.hub

  async def run(self) -> None:
    await self.venue.run()

  def progress(self) -> dict[str, Any]:
    return self.venue.progress()

  def find(self, path: str, channel: str, symbol: str, family: str) -> Joined | None:
    if channel == LIQUIDATIONS.topic and path == PUBLIC:
      symbols = self.of_family(family) if family != "SPOT" else []
      found = [(one, LIQUIDATIONS) for one in symbols]
      name = f"{channel} {family}"
    else:
      stream = self.stream(path, channel, symbol)
      found = [] if stream is None else [(symbol, stream)]
      name = f"{channel} {symbol}"
    return Joined(name, partial(self._read, name, found)) if found else None

  def _read(self, name: str, markets: list[tuple[str, Stream]]) -> list[bytes]:
    firsts = [self.venue.read(*market, name) for market in markets]
    return [first for first in firsts if first is not None]

  def stream(self, path: str, channel: str, symbol: str) -> Stream | None:
    """What a channel of an instrument is on a path, None where there is none."""
    instrument = self.instruments.get(symbol)
    if instrument is None:
      return None
    if path == BUSINESS and channel == TRADES_ALL.topic:
      return TRADES_ALL
    if path == BUSINESS:
      length = length_of(channel)
      return None if length is None else Stream(CANDLE, channel, 1_000, 0, length)
    known = dict(_EVERYWHERE)
    if instrument.family != "SPOT":
      known |= _ON_CONTRACTS
    if instrument.family == "SWAP":
      known |= _ON_PERPETUALS
    return known.get(channel)

  def of_family(self, family: str) -> list[str]:
    """The symbols of an instType."""
    return [symbol for symbol, one in self.instruments.items() if one.family == family]


class _Data(msgspec.Struct, gc=False):
  tradeId: str = ""  # noqa: N815 - the venue's name
  count: str = "1"
  seqId: int | None = None  # noqa: N815
  prevSeqId: int | None = None  # noqa: N815


class _Numbered(msgspec.Struct):
  data: list[_Data]


_WITH_NUMBERS = tuple(
  b'{"arg":{"channel":"%b"' % channel for channel in (b"trades", b"trades-all", b"books")
)
_read = msgspec.json.Decoder(_Numbered).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The trades or the book's numbers that a message accounts for."""
  if not data.startswith(_WITH_NUMBERS):
    return None
  one, *_ = _read(data).data
  if one.tradeId:
    return int(one.tradeId) - int(one.count) + 1, int(one.tradeId)
  if one.seqId is None or one.prevSeqId is None:
    return None
  return (one.prevSeqId + 1 if one.prevSeqId >= 0 else one.seqId), one.seqId
