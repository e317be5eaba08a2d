"""The JSON of Binance's streams and REST bodies for a generated market, field by field as
documented for spot ("WebSocket Streams"), USD-M and COIN-M futures ("Websocket Market Streams").
COIN-M counts in contracts, names the pair beside the symbol, and has the base where the others have
the quote."""

from typing import Any, NamedTuple

import msgspec

from bond_sim.binance.listing import BinanceListing
from bond_sim.binance.paths import SPOT
from bond_sim.market.bars import GeneratedBar
from bond_sim.market.book import BUY, SELL, GeneratedBook
from bond_sim.market.trading import Fill, ForcedOrder, MarkPrice


class AggFill(NamedTuple):
  """The trades of one taker order at one price."""

  agg_id: int
  price: int
  lots: int
  first: int
  last: int
  buyer_is_maker: bool
  at_ms: int


class BinanceWriter:
  """Writes one market's messages."""

  def __init__(self, listing: BinanceListing) -> None:
    self._symbol = listing.symbol
    self._spot = listing.market == SPOT
    self._worth = listing.worth
    self._listing = listing
    # COIN-M names the pair: so in messages that are written by hand, and so in the others.
    self._pair_text = f'"ps":"{listing.pair}",' if listing.worth else ""
    self._pair = {"ps": listing.pair} if listing.worth else {}
    self._rest_pair = {"pair": listing.pair} if listing.worth else {}
    self._price_decimals = listing.price_decimals
    self._size_decimals = listing.size_decimals

  # Numbers ---------------------------------------------------------------------------------------

  def price(self, ticks: int) -> str:
    """A price in ticks as the venue writes it."""
    return _fixed(ticks, self._price_decimals, 8 if self._spot else 0)

  def size(self, lots: int) -> str:
    """A size in lots as the venue writes it."""
    return _fixed(lots, self._size_decimals, 8 if self._spot else 0)

  def value(self, lots: int, ticks_lots: int) -> str:
    """What lots were traded for, in ticks times lots, as the venue writes it: in the quote, or for
    contracts in the base."""
    if self._worth:
      mean = ticks_lots / lots / 10**self._price_decimals if lots else 1.0
      return f"{lots * self._worth / mean:.8f}"
    decimals = self._price_decimals + self._size_decimals
    if decimals > 8:
      ticks_lots, decimals = ticks_lots // 10 ** (decimals - 8), 8
    return _fixed(ticks_lots, decimals, 8 if self._spot else 0)

  def _mean(self, quote: int, lots: int) -> str:
    return f"{quote / lots / 10**self._price_decimals if lots else 0:.8f}"

  def _levels(self, levels: list[tuple[int, int]]) -> str:
    return ",".join(f'["{self.price(price)}","{self.size(size)}"]' for price, size in levels)

  # Streams ---------------------------------------------------------------------------------------

  def trade(self, fill: Fill) -> bytes:
    price, size, maker = self.price(fill.price), self.size(fill.lots), _flag(fill.buyer_is_maker)
    at, symbol = fill.at_ms, self._symbol
    if self._spot:
      return (
        f'{{"e":"trade","E":{at},"s":"{symbol}","t":{fill.trade_id},"p":"{price}","q":"{size}",'
        f'"T":{at},"m":{maker},"M":true}}'
      ).encode()
    return (
      f'{{"e":"trade","E":{at},"T":{at},"s":"{symbol}","t":{fill.trade_id},"p":"{price}",'
      f'"q":"{size}","X":"MARKET","m":{maker}}}'
    ).encode()

  def agg_trade(self, agg: AggFill) -> bytes:
    size = self.size(agg.lots)
    tail = ',"M":true' if self._spot else ""
    normal = "" if self._spot or self._worth else f'"nq":"{size}",'
    return (
      f'{{"e":"aggTrade","E":{agg.at_ms},"s":"{self._symbol}","a":{agg.agg_id},'
      f'"p":"{self.price(agg.price)}","q":"{size}",{normal}"f":{agg.first},"l":{agg.last},'
      f'"T":{agg.at_ms},"m":{_flag(agg.buyer_is_maker)}{tail}}}'
    ).encode()

  def book_ticker(self, book: GeneratedBook, update_id: int, at_ms: int) -> bytes:
    (bid, bid_size), (ask, ask_size) = book.top(BUY, 1)[0], book.top(SELL, 1)[0]
    quote = (
      f'"b":"{self.price(bid)}","B":"{self.size(bid_size)}",'
      f'"a":"{self.price(ask)}","A":"{self.size(ask_size)}"'
    )
    if self._spot:
      return f'{{"u":{update_id},"s":"{self._symbol}",{quote}}}'.encode()
    return (
      f'{{"e":"bookTicker","u":{update_id},"s":"{self._symbol}",{self._pair_text}{quote},'
      f'"T":{at_ms},"E":{at_ms}}}'
    ).encode()

  def depth(
    self,
    first: int,
    last: int,
    before: int,
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
    at_ms: int,
  ) -> bytes:
    """A depthUpdate of the ids `first` to `last`; `before` is the last id of the previous
    update."""
    futures = "" if self._spot else f'"T":{at_ms},'
    chain = "" if self._spot else f'"pu":{before},'
    return (
      f'{{"e":"depthUpdate","E":{at_ms},{futures}"s":"{self._symbol}",{self._pair_text}'
      f'"U":{first},"u":{last},{chain}"b":[{self._levels(bids)}],"a":[{self._levels(asks)}]}}'
    ).encode()

  def snapshot(
    self, book: GeneratedBook, update_id: int, limit: int, at_ms: int, *, rest: bool
  ) -> bytes:
    """The best levels: the body of REST's depth, and spot's partial depth stream."""
    names = f'"symbol":"{self._symbol}","pair":"{self._listing.pair}",' if self._worth else ""
    times = "" if self._spot or not rest else f'{names}"E":{at_ms},"T":{at_ms},'
    return (
      f'{{"lastUpdateId":{update_id},{times}"bids":[{self._levels(book.top(BUY, limit))}],'
      f'"asks":[{self._levels(book.top(SELL, limit))}]}}'
    ).encode()

  def kline(
    self, bar: GeneratedBar, interval: str, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    k = {
      "t": bar.start,
      "T": bar.start + length_ms - 1,
      "s": self._symbol,
      "i": interval,
      "f": bar.first,
      "L": bar.last,
      "o": self.price(bar.open),
      "c": self.price(bar.close),
      "h": self.price(bar.high),
      "l": self.price(bar.low),
      "v": self.size(bar.volume),
      "n": bar.count,
      "x": closed,
      "q": self.value(bar.volume, bar.quote),
      "V": self.size(bar.taker_volume),
      "Q": self.value(bar.taker_volume, bar.taker_quote),
      "B": "0",
    }
    return msgspec.json.encode({"e": "kline", "E": at_ms, "s": self._symbol, "k": k})

  def mini_ticker(self, day: GeneratedBar, at_ms: int) -> bytes:
    return msgspec.json.encode(
      {
        "e": "24hrMiniTicker",
        "E": at_ms,
        "s": self._symbol,
        **self._pair,
        "c": self.price(day.close),
        "o": self.price(day.open),
        "h": self.price(day.high),
        "l": self.price(day.low),
        "v": self.size(day.volume),
        "q": self.value(day.volume, day.quote),
      }
    )

  def ticker(self, day: GeneratedBar, book: GeneratedBook, last_lots: int, at_ms: int) -> bytes:
    (bid, bid_size), (ask, ask_size) = book.top(BUY, 1)[0], book.top(SELL, 1)[0]
    own = {
      "x": self.price(day.open),
      "b": self.price(bid),
      "B": self.size(bid_size),
      "a": self.price(ask),
      "A": self.size(ask_size),
    }
    return msgspec.json.encode(
      {
        "e": "24hrTicker",
        "E": at_ms,
        "s": self._symbol,
        **self._pair,
        "p": self._change(day),
        "P": _percent(day),
        "w": self._mean(day.quote, day.volume),
        "c": self.price(day.close),
        "Q": self.size(last_lots),
        **(own if self._spot else {}),
        "o": self.price(day.open),
        "h": self.price(day.high),
        "l": self.price(day.low),
        "v": self.size(day.volume),
        "q": self.value(day.volume, day.quote),
        "O": day.start,
        "C": at_ms,
        "F": day.first,
        "L": day.last,
        "n": day.count,
      }
    )

  def mark_price(self, mark: MarkPrice, at_ms: int) -> bytes:
    average = "" if self._worth else f'"ap":"{mark.average:.8f}",'
    return (
      f'{{"e":"markPriceUpdate","E":{at_ms},"s":"{self._symbol}","p":"{mark.mark:.8f}",'
      f'{average}"i":"{mark.index_price:.8f}","P":"{mark.index_price:.8f}",'
      f'"r":"{mark.rate}","T":{mark.next_ms}}}'
    ).encode()

  def force_order(self, order: ForcedOrder, at_ms: int) -> bytes:
    size = self.size(order.lots)
    average = f"{order.average / 10**self._price_decimals:.{self._price_decimals + 2}f}"
    return (
      f'{{"e":"forceOrder","E":{at_ms},"o":{{"s":"{self._symbol}",{self._pair_text}'
      f'"S":"{"BUY" if order.side == BUY else "SELL"}","o":"LIMIT","f":"IOC","q":"{size}",'
      f'"p":"{self.price(order.limit)}","ap":"{average}","X":"FILLED","l":"{size}","z":"{size}",'
      f'"T":{order.at_ms}}}}}'
    ).encode()

  # REST ------------------------------------------------------------------------------------------

  def rest_trade(self, fill: Fill) -> dict[str, Any]:
    own = {} if self._worth else {"isBestMatch": True} if self._spot else {"isRPITrade": False}
    return {
      "id": fill.trade_id,
      "price": self.price(fill.price),
      "qty": self.size(fill.lots),
      "baseQty" if self._worth else "quoteQty": self.value(fill.lots, fill.price * fill.lots),
      "time": fill.at_ms,
      "isBuyerMaker": fill.buyer_is_maker,
      **own,
    }

  def rest_agg_trade(self, agg: AggFill) -> dict[str, Any]:
    own = {} if self._worth else {"M": True} if self._spot else {"nq": self.size(agg.lots)}
    return {
      "a": agg.agg_id,
      "p": self.price(agg.price),
      "q": self.size(agg.lots),
      "f": agg.first,
      "l": agg.last,
      "T": agg.at_ms,
      "m": agg.buyer_is_maker,
      **own,
    }

  def rest_kline(self, bar: GeneratedBar, length_ms: int) -> list[Any]:
    return [
      bar.start,
      self.price(bar.open),
      self.price(bar.high),
      self.price(bar.low),
      self.price(bar.close),
      self.size(bar.volume),
      bar.start + length_ms - 1,
      self.value(bar.volume, bar.quote),
      bar.count,
      self.size(bar.taker_volume),
      self.value(bar.taker_volume, bar.taker_quote),
      "0",
    ]

  def rest_ticker(
    self, day: GeneratedBar, book: GeneratedBook, last_lots: int, at_ms: int
  ) -> dict[str, Any]:
    (bid, bid_size), (ask, ask_size) = book.top(BUY, 1)[0], book.top(SELL, 1)[0]
    own = {
      "prevClosePrice": self.price(day.open),
      "bidPrice": self.price(bid),
      "bidQty": self.size(bid_size),
      "askPrice": self.price(ask),
      "askQty": self.size(ask_size),
    }
    return {
      "symbol": self._symbol,
      **self._rest_pair,
      "priceChange": self._change(day),
      "priceChangePercent": _percent(day),
      "weightedAvgPrice": self._mean(day.quote, day.volume),
      "lastPrice": self.price(day.close),
      "lastQty": self.size(last_lots),
      **(own if self._spot else {}),
      "openPrice": self.price(day.open),
      "highPrice": self.price(day.high),
      "lowPrice": self.price(day.low),
      "volume": self.size(day.volume),
      "baseVolume" if self._worth else "quoteVolume": self.value(day.volume, day.quote),
      "openTime": day.start,
      "closeTime": at_ms,
      "firstId": day.first,
      "lastId": day.last,
      "count": day.count,
    }

  def premium_index(self, mark: MarkPrice, at_ms: int) -> dict[str, Any]:
    return {
      "symbol": self._symbol,
      **self._rest_pair,
      "markPrice": f"{mark.mark:.8f}",
      "indexPrice": f"{mark.index_price:.8f}",
      "estimatedSettlePrice": f"{mark.index_price:.8f}",
      "lastFundingRate": mark.rate,
      "interestRate": "0.00010000" if mark.rate else "",
      "nextFundingTime": mark.next_ms,
      "time": at_ms,
    }

  def open_interest(self, lots: int, at_ms: int) -> dict[str, Any]:
    kind = {"contractType": self._listing.contract} if self._worth else {}
    interest = {"openInterest": self.size(lots), "symbol": self._symbol, "time": at_ms}
    return interest | self._rest_pair | kind

  def _change(self, day: GeneratedBar) -> str:
    change = day.close - day.open
    return ("-" if change < 0 else "") + self.price(abs(change))


def _percent(day: GeneratedBar) -> str:
  return f"{100 * (day.close - day.open) / day.open:.3f}"


def _flag(value: bool) -> str:
  return "true" if value else "false"


def _fixed(value: int, decimals: int, pad: int) -> str:
  """A whole number of 10**-decimals as text with at least `pad` decimals."""
  if not decimals:
    return f"{value}.{'0' * pad}" if pad else str(value)
  whole, part = divmod(value, 10**decimals)
  return f"{whole}.{part:0{decimals}d}{'0' * (pad - decimals)}"
