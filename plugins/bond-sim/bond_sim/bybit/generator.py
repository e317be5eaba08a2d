"""Generated markets of Bybit, and the topics that publish them."""

from functools import partial

import msgspec
from bond_simkit import VenueTime

from bond_sim.bybit.listing import BybitCategory, BybitInstrument, instruments
from bond_sim.bybit.writer import BybitWriter
from bond_sim.market.channels import TopicChannel
from bond_sim.market.config import MarketConfig
from bond_sim.market.products import SPOT
from bond_sim.market.topic_market import BOOK, CANDLE, FORCED, QUOTE, STATE, TRADES, MarketTopic
from bond_sim.market.topic_markets import TopicGenerator, day_of

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
"""Lengths of candles (ms) by the venue's name of them; a month has none here."""

_BOOKS = {"50": 20, "200": 100, "1000": 200}
"""Ms between two messages by a book's levels."""


class BybitGenerator(TopicGenerator[BybitInstrument, BybitWriter]):
  """Markets that are generated from `config.seed`."""

  def __init__(self, config: MarketConfig, clock: VenueTime) -> None:
    listed = instruments(day_of(clock), config.markets)
    by_key = {instrument.key: instrument for instrument in listed}
    super().__init__(config, clock, by_key, BybitWriter, span)

  def find(self, category: BybitCategory, name: str) -> TopicChannel | None:
    kind, _, symbol = name.rpartition(".")
    instrument = self.instruments.get(f"{category} {symbol}")
    if instrument is None:
      return None
    topic = _topic(kind, name, spot=category == SPOT)
    if topic is None:
      return None
    publish_as = f"{category} {name}"
    return TopicChannel(publish_as, partial(self._first, instrument.key, topic, publish_as))

  def _first(self, key: str, topic: MarketTopic, publish_as: str) -> list[bytes]:
    first = self.markets.open(key, topic, publish_as)
    return [] if first is None else [first]

  def of_category(self, category: str) -> list[BybitInstrument]:
    """All instruments of a category."""
    return [
      instrument for instrument in self.instruments.values() if instrument.category == category
    ]


def _topic(kind: str, name: str, *, spot: bool) -> MarketTopic | None:
  stem, _, detail = kind.partition(".")
  if kind == "publicTrade":
    return MarketTopic(TRADES, name)
  if kind == "tickers":
    return MarketTopic(STATE, name, 50 if spot else 100)
  if kind == "orderbook.1":
    # "Orderbook": a best level that has not changed for 3 s is sent again, under the same u.
    return MarketTopic(QUOTE, name, 0, 1, repeat_ms=3_000)
  if stem == "orderbook" and detail in _BOOKS:
    return MarketTopic(BOOK, name, _BOOKS[detail], int(detail))
  if stem == "kline" and detail in LENGTHS:
    return MarketTopic(CANDLE, name, 1_000, 0, LENGTHS[detail])
  if kind == "allLiquidation" and not spot:
    return MarketTopic(FORCED, name)
  return None


class _BybitUpdateId(msgspec.Struct, gc=False):
  u: int


class _BybitBook(msgspec.Struct):
  data: _BybitUpdateId


_read = msgspec.json.Decoder(_BybitBook).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The number of a book's update; trades have no numbers without holes."""
  if not data.startswith(b'{"topic":"orderbook.'):
    return None
  number = _read(data).data.u
  return number, number
