"""COIN-M: contracts in dollars that settle in their base, and are counted in contracts."""

import pytest
from bond_binance import config
from bond_binance.contracts import in_base
from bond_binance.endpoints import Connection

from bond_core import Candle, Funding, Liquidation, OrderBook, Ticker, Trade
from bond_core.feeds import Fetch, Notice, Reject

PERP = "BTC/USD:BTC"


def row(symbol, worth=100, status="TRADING"):
  base = symbol.partition("USD")[0]
  listed = {"symbol": symbol, "baseAsset": base, "quoteAsset": "USD", "contractSize": worth}
  return listed | {"contractStatus": status, "filters": []}


def answer_list(binance, *rows):
  [fetch] = [fetch for fetch in binance.take(Fetch) if "exchangeInfo" in fetch.url]
  assert fetch.url == "https://dapi.binance.com/dapi/v1/exchangeInfo"
  return binance.answer(fetch, {"symbols": list(rows)})


def test_where_it_is(venue):
  binance = venue(config.Trades(symbols=[PERP, "ETH/USD:ETH-261225"]))
  assert list(binance.groups) == ["coinm"]
  assert binance.feed.handshake("coinm", binance.groups["coinm"]).url == (
    "wss://dstream.binance.com/stream?streams=btcusd_perp@aggTrade/ethusd_261225@aggTrade"
  )
  limits = binance.feed.limits("coinm")
  assert (limits.subscriptions_per_connection, limits.max_age) == (200, 86_400)
  there = Connection("http://127.0.0.1:9001")
  assert there.websocket("coinm") == "ws://127.0.0.1:9001/coinm/stream?streams="
  assert there.listing("coinm", None) == "http://127.0.0.1:9001/coinm/dapi/v1/exchangeInfo"


TRADE = {"e": "aggTrade", "E": 1, "a": 424951, "s": "BTCUSD_PERP", "p": "50000", "q": "10"}
TRADE |= {"f": 606073, "l": 606074, "T": 1591261134199, "m": False}


def test_trades_are_aggregated_and_in_the_base(venue):
  [event] = venue(config.Trades(symbols=[PERP])).say("btcusd_perp@aggTrade", TRADE)
  assert isinstance(event, Trade)
  assert (event.symbol, event.market_type, event.price) == ("BTC/USD", "perp", 50_000)
  # Ten contracts of 100 dollars.
  assert event.size == 0.02
  assert (event.agg_trade_id, event.trade_id, event.match_id) == ("424951", "606073", "606074")


@pytest.mark.parametrize(("symbol", "worth"), [("BTC/USD:BTC", 100), ("ETH/USD:ETH", 10)])
def test_what_a_contract_is_worth_is_documented_and_the_list_has_the_last_word(
  venue, symbol, worth
):
  name = f"{symbol[:3]}USD_PERP"
  binance = venue(config.Trades(symbols=[symbol]))
  stream = f"{name.lower()}@aggTrade"
  [event] = binance.say(stream, TRADE)
  assert event.size == in_base(10, 50_000, worth) == 10 * worth / 50_000
  answer_list(binance, row(name, 25))
  [event] = binance.say(stream, TRADE | {"a": 424952})
  assert event.size == 10 * 25 / 50_000


def test_a_book_is_joined_by_the_rules_of_futures_in_the_base(venue):
  binance = venue(config.Books(symbols=[PERP], deltas=True))
  depth = {"e": "depthUpdate", "E": 2, "T": 2, "s": "BTCUSD_PERP", "U": 5, "u": 8, "pu": 4}
  depth |= {"b": [["50000", "20"], ["40000", "0"]], "a": [["60000", "6"]]}
  binance.say("btcusd_perp@depth@100ms", depth)
  [fetch] = binance.snapshots()
  assert fetch.url == "https://dapi.binance.com/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000"
  assert fetch.weight == 20
  snapshot = {"lastUpdateId": 6, "symbol": "BTCUSD_PERP", "pair": "BTCUSD", "E": 1, "T": 1}
  snapshot |= {"bids": [["50000", "10"], ["40000", "4"]], "asks": [["60000", "3"]]}
  first, second = binance.answer(fetch, snapshot)
  assert isinstance(first, OrderBook)
  assert first.bids == [(50_000, 0.02), (40_000, 0.01)]
  assert first.asks == [(60_000, 0.005)]
  assert second.bids == [(50_000, 0.04), (40_000, 0)]
  gap = binance.say("btcusd_perp@depth@100ms", depth | {"U": 12, "u": 13, "pu": 11})
  assert [event.channel for event in gap] == ["orderbook"]


def test_quotes_statistics_candles_and_liquidations_are_in_the_base(venue):
  binance = venue(config.Tickers(symbols=[PERP]))
  quote = {"e": "bookTicker", "u": 17, "s": "BTCUSD_PERP", "ps": "BTCUSD", "T": 3, "E": 4}
  quote |= {"b": "50000", "B": "10", "a": "60000", "A": "6"}
  [event] = binance.say("btcusd_perp@bookTicker", quote)
  assert isinstance(event, Ticker)
  assert (event.bid_size, event.ask_size) == (0.02, 0.01)
  stats = {"e": "24hrTicker", "E": 5, "s": "BTCUSD_PERP", "c": "50000", "v": "1000", "q": "2.5"}
  [event] = binance.say("btcusd_perp@ticker", stats)
  assert (event.last, event.volume) == (50_000, 2.5)

  bar = {"t": 1591261500000, "T": 1591261559999, "i": "1m", "o": "1", "c": "2", "h": "3", "l": "1"}
  bar |= {"v": "1000", "n": 4, "x": False, "q": "2.5"}
  candles = venue(config.Candles(symbols=[PERP]))
  [event] = candles.say("btcusd_perp@kline_1m", {"e": "kline", "E": 6, "k": bar})
  assert isinstance(event, Candle)
  assert (event.volume, event.quote_volume) == (2.5, 100_000)

  order = {"s": "BTCUSD_PERP", "S": "SELL", "q": "10", "p": "50000", "ap": "40000", "X": "FILLED"}
  order |= {"z": "4", "T": 7}
  forced = venue(config.Liquidations(symbols=["BTC/USD"]))
  [event] = forced.say("btcusd_perp@forceOrder", {"e": "forceOrder", "E": 8, "o": order})
  assert isinstance(event, Liquidation)
  assert (event.side, event.size, event.filled) == ("sell", 0.02, 0.01)


def test_funding(venue):
  binance = venue(config.Funding(symbols=["BTC/USD"]))
  mark = {"e": "markPriceUpdate", "E": 9, "s": "BTCUSD_PERP", "p": "50000.5", "P": "50001"}
  mark |= {"r": "0.0001", "T": 1591272000000}
  [event] = binance.say("btcusd_perp@markPrice@1s", mark)
  assert isinstance(event, Funding)
  assert (event.rate, event.mark, event.index) == (0.0001, 50_000.5, None)


def test_what_is_not_listed_or_delivered_is_refused(venue):
  binance = venue(config.Trades(symbols=["XYZ/USD:XYZ", "BTC/USD:BTC-200925"]))
  rows = row("BTCUSD_PERP"), row("BTCUSD_200925", status="DELIVERED")
  answer_list(binance, *rows)
  # What has ended is believed of a second list.
  assert len(binance.take(Notice)) == 1
  binance.later(15)
  answer_list(binance, *rows)
  reasons = [reject.reason for reject in binance.take(Reject)]
  assert [reason.partition(";")[0] for reason in reasons] == [
    "there is no XYZ/USD:XYZ among Binance's COIN-M futures",
    "BTC/USD:BTC-200925 is no longer traded among Binance's COIN-M futures (status DELIVERED)",
  ]
