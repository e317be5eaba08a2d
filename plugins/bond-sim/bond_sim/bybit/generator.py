"""What the simulated Bybit trades, and which topics tell of it."""

import msgspec

from bond_sim.bybit.listing import Instrument, instruments
from bond_sim.bybit.writer import BybitWriter
from bond_sim.clock import Clock
from bond_sim.market.products import SPOT
from bond_sim.market.topics import BOOK, CANDLE, FORCED, QUOTE, STATE, TRADES, Stream
from bond_sim.market.venue import TopicVenue, today

_MINUTE = 60_000
LENGTHS = {
  "1": _MINUTE,
  "3": 3 * _MINUTE,
  "5": 5 * _MINUTE,
  "15": 15 * _MINUTE,
  "30": 30 * _MINUTE,
  "60": 60 * _MINUTE,
  "120": 120 * _MINUTE,
  "240": 240 * _MINUTE,
  "360": 360 * _MINUTE,
  "720": 720 * _MINUTE,
  "D": 1440 * _MINUTE,
  "W": 7 * 1440 * _MINUTE,
}
"""Candles by the venue's name of their length; a month has none here."""

_BOOKS = {"50": 20, "200": 100, "1000": 200}
"""Levels, and the ms between two messages."""


class World:
  """A source of generated markets."""

  def __init__(
    self, *, seed: int, speed: float, symbols: list[str], clock: Clock, markets: int = 0
  ) -> None:
    self.instruments: dict[str, Instrument] = {
      one.key: one
      for one in instruments(today(clock), markets)
      if not symbols or one.product.symbol in symbols
    }
    self.writers = {key: BybitWriter(one) for key, one in self.instruments.items()}
    self.venue = TopicVenue(
      [(key, one.product, self.writers[key]) for key, one in self.instruments.items()],
      seed=seed,
      speed=speed,
      clock=clock,
      span=span,
    )

  def stream(self, category: str, topic: str) -> tuple[str, Stream] | None:
    """The market and the stream that a topic of a category asks for, None where there is none."""
    kind, _, symbol = topic.rpartition(".")
    instrument = self.instruments.get(f"{category} {symbol}")
    if instrument is None:
      return None
    stream = _stream(kind, topic, spot=category == SPOT)
    return None if stream is None else (instrument.key, stream)

  def of_category(self, category: str) -> list[Instrument]:
    """All instruments of a category."""
    return [one for one in self.instruments.values() if one.category == category]


def _stream(kind: str, topic: str, *, spot: bool) -> Stream | None:
  name, _, detail = kind.partition(".")
  if kind == "publicTrade":
    return Stream(TRADES, topic)
  if kind == "tickers":
    return Stream(STATE, topic, 50 if spot else 100)
  if kind == "orderbook.1":
    # "Orderbook": the best level is told again, under the same u, when it has not changed for 3 s.
    return Stream(QUOTE, topic, 0, 1, again=3_000)
  if name == "orderbook" and detail in _BOOKS:
    return Stream(BOOK, topic, _BOOKS[detail], int(detail))
  if name == "kline" and detail in LENGTHS:
    return Stream(CANDLE, topic, 1_000, 0, LENGTHS[detail])
  if kind == "allLiquidation" and not spot:
    return Stream(FORCED, topic)
  return None


class _Numbers(msgspec.Struct, gc=False):
  u: int


class _Numbered(msgspec.Struct):
  data: _Numbers


_read = msgspec.json.Decoder(_Numbered).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The number of a book's update; trades have none without holes."""
  if not data.startswith(b'{"topic":"orderbook.'):
    return None
  number = _read(data).data.u
  return number, number
