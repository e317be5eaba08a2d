"""Generated markets of OKX, and the channels that publish them."""

from functools import partial
from typing import Any

import msgspec
from bond_simkit import VenueTime

from bond_sim.market.channels import TopicChannel
from bond_sim.market.config import MarketConfig
from bond_sim.market.products import PERP
from bond_sim.market.topic_market import (
  BOOK,
  CANDLE,
  EACH_TRADE,
  FORCED,
  QUOTE,
  STATE,
  TRADES,
  MarketTopic,
)
from bond_sim.market.topic_markets import TopicGenerator, day_of
from bond_sim.okx.bars import length_of
from bond_sim.okx.listing import OkxInstrument, instruments
from bond_sim.okx.markets import BUSINESS, INST_TYPES, PUBLIC, OkxSocketPath
from bond_sim.okx.writer import OkxWriter

_EVERYWHERE = {
  "trades": MarketTopic(TRADES, "trades"),
  "books": MarketTopic(BOOK, "books", 100, 400, repeat_ms=60_000),
  "books5": MarketTopic(QUOTE, "books5", 100, 5),
  "bbo-tbt": MarketTopic(QUOTE, "bbo-tbt", 0, 1),
  "tickers": MarketTopic(STATE, "tickers", 100),
}
_ON_CONTRACTS = {
  "open-interest": MarketTopic(STATE, "open-interest", 3_000),
  "mark-price": MarketTopic(STATE, "mark-price", 200),
}
_ON_PERPETUALS = {"funding-rate": MarketTopic(STATE, "funding-rate", 30_000)}
TRADES_ALL = MarketTopic(EACH_TRADE, "trades-all")
LIQUIDATIONS = MarketTopic(FORCED, "liquidation-orders")
LIST = "instruments"


class OkxGenerator(TopicGenerator[OkxInstrument, OkxWriter]):
  """Markets that are generated from `config.seed`, as OkxMarkets."""

  def __init__(self, config: MarketConfig, clock: VenueTime) -> None:
    listed = instruments(day_of(clock), config.markets)
    by_symbol = {instrument.product.symbol: instrument for instrument in listed}
    super().__init__(config, clock, by_symbol, self._writer, span)
    self._resized: set[str] = set()

  def now(self, instrument: OkxInstrument) -> OkxInstrument:
    """An instrument as it is listed now, which the fault `resize` changes. The channel of its list
    has that before anything is counted so."""
    fault = self.fanout.faults.active("resize") if instrument.contract_value else None
    symbol = instrument.product.symbol
    resized = fault is not None and fault.matches(symbol)
    found = instrument.resized() if resized else instrument
    if resized != (symbol in self._resized):
      self._resized ^= {symbol}
      inst_type = instrument.inst_type
      self.fanout.publish(f"{LIST} {inst_type}", _list_message(inst_type, [found.row()]))
    return found

  def listed(self, inst_type: str) -> list[dict[str, Any]]:
    """The rows of an instType as they are now."""
    return [
      self.now(instrument).row()
      for instrument in self.instruments.values()
      if instrument.inst_type == inst_type
    ]

  def _writer(self, instrument: OkxInstrument) -> OkxWriter:
    return OkxWriter(instrument, partial(self.now, instrument))

  def find(
    self, path: OkxSocketPath, channel: str, symbol: str, inst_type: str
  ) -> TopicChannel | None:
    if channel == LIST and path == PUBLIC and inst_type in INST_TYPES:
      return TopicChannel(
        f"{channel} {inst_type}", lambda: [_list_message(inst_type, self.listed(inst_type))]
      )
    if channel == LIQUIDATIONS.name and path == PUBLIC:
      symbols = self.of_type(inst_type) if inst_type != "SPOT" else []
      topics = [(symbol, LIQUIDATIONS) for symbol in symbols]
      publish_as = f"{channel} {inst_type}"
    else:
      topic = self.topic(path, channel, symbol)
      topics = [] if topic is None else [(symbol, topic)]
      publish_as = f"{channel} {symbol}"
    return TopicChannel(publish_as, partial(self._open, publish_as, topics)) if topics else None

  def _open(self, publish_as: str, topics: list[tuple[str, MarketTopic]]) -> list[bytes]:
    messages = [self.markets.open(*topic, publish_as) for topic in topics]
    return [message for message in messages if message is not None]

  def topic(self, path: OkxSocketPath, channel: str, symbol: str) -> MarketTopic | None:
    """The topic of an instrument's channel on a path, None where there is none."""
    instrument = self.instruments.get(symbol)
    if instrument is None:
      return None
    if path == BUSINESS and channel == TRADES_ALL.name:
      return TRADES_ALL
    if path == BUSINESS:
      length = length_of(channel)
      return None if length is None else MarketTopic(CANDLE, channel, 1_000, 0, length)
    topics = dict(_EVERYWHERE)
    if instrument.inst_type != "SPOT":
      topics |= _ON_CONTRACTS
    if instrument.product.kind == PERP:
      topics |= _ON_PERPETUALS
    return topics.get(channel)

  def of_type(self, inst_type: str) -> list[str]:
    """The symbols of an instType."""
    return [
      symbol for symbol, instrument in self.instruments.items() if instrument.inst_type == inst_type
    ]


def _list_message(inst_type: str, rows: list[dict[str, Any]]) -> bytes:
  """A message of "Instruments channel"."""
  return msgspec.json.encode({"arg": {"channel": LIST, "instType": inst_type}, "data": rows})


class _OkxNumbers(msgspec.Struct, gc=False):
  tradeId: str = ""  # noqa: N815 - the venue's name
  count: str = "1"
  seqId: int | None = None  # noqa: N815
  prevSeqId: int | None = None  # noqa: N815


class _OkxNumbered(msgspec.Struct):
  data: list[_OkxNumbers]


_NUMBERED = tuple(
  b'{"arg":{"channel":"%b"' % channel for channel in (b"trades", b"trades-all", b"books")
)
_read = msgspec.json.Decoder(_OkxNumbered).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The trade ids or the book's sequence numbers in a message."""
  if not data.startswith(_NUMBERED):
    return None
  numbers, *_ = _read(data).data
  if numbers.tradeId:
    return int(numbers.tradeId) - int(numbers.count) + 1, int(numbers.tradeId)
  if numbers.seqId is None or numbers.prevSeqId is None:
    return None
  first = numbers.prevSeqId + 1 if numbers.prevSeqId >= 0 else numbers.seqId
  return first, numbers.seqId
