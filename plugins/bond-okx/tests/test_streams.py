"""Each channel's messages, as the venue's documentation has them, become the events they mean."""

import pytest
from bond_okx import config
from bond_venuekit.testing import START_MS

from bond_core import Candle, Funding, Gap, Liquidation, OpenInterest, OrderBook, Ticker, Trade


def message(channel, symbol, *data, action=None, field="instId"):
  made = {"arg": {"channel": channel, field: symbol}}
  if action is not None:
    made["action"] = action
  return {**made, "data": list(data)}


def trade(number, count=1, **more):
  fields = {"px": "42219.9", "sz": "0.12", "side": "buy", "ts": "1630048897897"}
  own = {"instId": "BTC-USDT", "tradeId": str(number), "count": str(count)}
  return message("trades", "BTC-USDT", {**own, **fields, **more})


def test_a_trade(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]))
  assert okx.asked == [
    {"id": "1", "op": "subscribe", "args": [{"channel": "trades", "instId": "BTC-USDT"}]}
  ]
  [event] = okx.hear(trade(130639474))
  assert event == Trade(
    exchange="okx",
    symbol="BTC/USDT",
    market_type="spot",
    ts_event=START_MS,
    ts_exchange=1630048897897,
    ts_internal=START_MS * 1_000_000,
    price=42219.9,
    size=0.12,
    side="buy",
    maker=False,
    trade_id="130639474",
    sequence=130639474,
  )


def test_several_trades_in_one_message_account_for_their_numbers(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]))
  okx.hear(trade(100))
  [joined] = okx.hear(trade(103, count=3))
  assert (joined.trade_id, joined.sequence) == ("103", 103)
  assert okx.hear(trade(103, count=3)) == []
  assert okx.feed.duplicates == 1


def test_a_trade_that_did_not_come_is_named(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT"]))
  okx.hear(trade(100))
  assert okx.hear(trade(104, count=2)) == []
  gap, event = okx.later(1)
  assert isinstance(gap, Gap)
  assert (gap.venue_from, gap.venue_to, gap.missed) == (101, 102, 2)
  assert event.sequence == 104


@pytest.mark.parametrize(
  ("symbol", "instrument", "size"),
  [("BTC/USDT:USDT", "BTC-USDT-SWAP", 0.13), ("BTC/USD:BTC", "BTC-USD-SWAP", 1300 / 50_000)],
)
def test_contracts_become_amounts_of_the_base(venue, symbol, instrument, size):
  okx = venue(config.Trades(symbols=[symbol]))
  one = {"tradeId": "1", "px": "50000", "sz": "13", "side": "sell", "ts": "1", "count": "1"}
  [event] = okx.hear(message("trades", instrument, one))
  assert event.size == size
  assert event.market_type == "perp"


def test_sizes_in_contracts_become_decimals_again(venue):
  okx = venue(config.Trades(symbols=["BTC/USDT:USDT"]))
  one = {"tradeId": "1", "px": "5", "sz": "3.96", "side": "sell", "ts": "1", "count": "1"}
  [event] = okx.hear(message("trades", "BTC-USDT-SWAP", one))
  assert event.size == 0.0396


def test_quotes_and_statistics(venue):
  okx = venue(config.Tickers(symbols=["BTC/USDT"]))
  assert [arg["channel"] for arg in okx.asked[0]["args"]] == ["bbo-tbt", "tickers"]
  quote = {
    "asks": [["111.06", "55154", "0", "2"]],
    "bids": [["111.05", "57745", "0", "2"]],
    "ts": "1670324386802",
    "seqId": 363996337,
  }
  [event] = okx.hear(message("bbo-tbt", "BTC-USDT", quote))
  assert isinstance(event, Ticker)
  assert (event.bid, event.bid_size, event.ask, event.ask_size) == (111.05, 57745, 111.06, 55154)
  assert event.sequence == 363996337
  [event] = okx.hear(message("bbo-tbt", "BTC-USDT", {**quote, "asks": [], "seqId": 363996338}))
  assert event.ask is None
  for price, size in (("nan", "1"), ("-1e999", "1"), ("-1", "1"), ("1", "inf"), ("1", "-1")):
    spoilt = {**quote, "bids": [[price, size, "0", "2"]], "seqId": 363996339}
    [gap] = okx.hear(message("bbo-tbt", "BTC-USDT", spoilt))
    assert isinstance(gap, Gap)
  stats = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "last": "9999.99",
    "vol24h": "2222",
    "volCcy24h": "2222000",
    "ts": "1597026383085",
  }
  [event] = okx.hear(message("tickers", "BTC-USDT", stats))
  assert (event.last, event.volume, event.sequence) == (9999.99, 2222, None)


def test_the_volume_of_a_contract_is_in_the_base(venue):
  okx = venue(config.Tickers(symbols=["BTC/USD:BTC"], quotes=False))
  stats = {"last": "1", "vol24h": "2222", "volCcy24h": "22.5", "ts": "5"}
  [event] = okx.hear(message("tickers", "BTC-USD-SWAP", stats))
  assert event.volume == 22.5


def test_funding_open_interest_and_liquidations(venue):
  okx = venue(
    config.Funding(symbols=["BTC/USD"]),
    config.OpenInterest(symbols=["BTC/USD"]),
    config.Liquidations(symbols=["BTC/USD"]),
  )
  funding = {
    "fundingRate": "-0.0001875391284828",
    "fundingTime": "1700726400000",
    "nextFundingRate": "",
    "ts": "1700724675402",
  }
  [event] = okx.hear(message("funding-rate", "BTC-USD-SWAP", funding))
  assert isinstance(event, Funding)
  assert (event.rate, event.next_time) == (-0.0001875391284828, 1700726400000)
  interest = {"oi": "5000", "oiCcy": "555.55", "oiUsd": "500000", "ts": "1743041250440"}
  [event] = okx.hear(message("open-interest", "BTC-USD-SWAP", interest))
  assert isinstance(event, OpenInterest)
  assert (event.amount, event.value) == (555.55, 500_000)
  forced = [
    {
      "instId": instrument,
      "details": [
        {"bkPx": "50000", "posSide": "short", "side": "buy", "sz": "13", "ts": "1692266434010"}
      ],
    }
    for instrument in ("BTC-USD-SWAP", "IOST-USDT-SWAP")
  ]
  [event] = okx.hear(message("liquidation-orders", "SWAP", *forced, field="instType"))
  assert isinstance(event, Liquidation)
  assert (event.price, event.size, event.side) == (50_000, 1300 / 50_000, "buy")


def test_candles(venue):
  okx = venue(config.Candles(symbols=["BTC/USDT"], interval="12h"))
  assert okx.asked[0]["args"] == [{"channel": "candle12Hutc", "instId": "BTC-USDT"}]
  bar = ["1597026383085", "8533.02", "8553.74", "8527.17", "8548.26", "45247", "529.58", "5.5", "0"]
  channel = "candle12Hutc"
  [event] = okx.hear(message(channel, "BTC-USDT", bar))
  assert isinstance(event, Candle)
  assert (event.start, event.end - event.start) == (1597026383085, 12 * 3_600_000)
  assert (event.open, event.high, event.low, event.close) == (8533.02, 8553.74, 8527.17, 8548.26)
  assert (event.volume, event.quote_volume, event.closed) == (45247, 5.5, False)
  assert okx.hear(message(channel, "BTC-USDT", bar)) == []
  [event] = okx.hear(message(channel, "BTC-USDT", [*bar[:-1], "1"]))
  assert event.closed


# Books -------------------------------------------------------------------------------------------


def book(number, previous, bids=(), asks=(), *, action="update", checksum=0):
  rows = [[[str(p), str(s), "0", "1"] for p, s in side] for side in (bids, asks)]
  data = {
    "bids": rows[0],
    "asks": rows[1],
    "ts": "1597026383085",
    "checksum": checksum,
    "seqId": number,
    "prevSeqId": previous,
  }
  return message("books", "BTC-USDT", data, action=action)


def begun(venue):
  okx = venue(config.Books(symbols=["BTC/USDT"]))
  [first] = okx.hear(book(10, -1, [(100, 1)], [(101, 1)], action="snapshot"))
  assert first.is_reset
  return okx


def test_updates_are_linked_and_what_changes_nothing_is_a_sign_of_life(venue):
  okx = begun(venue)
  [event] = okx.hear(book(15, 10, [(99, 2)]))
  assert isinstance(event, OrderBook)
  assert (event.sequence, event.prev_sequence, event.bids) == (15, 10, [(99.0, 2.0)])
  assert okx.hear(book(15, 15)) == []
  [event] = okx.hear(book(3, 15, [(99, 3)]))  # numbers start lower after maintenance
  assert (event.sequence, event.prev_sequence) == (3, 15)


def test_a_missing_update_is_declared_and_the_book_subscribed_to_anew(venue):
  okx = begun(venue)
  asked = len(okx.asked)
  [gap] = okx.hear(book(20, 18, [(99, 2)]))
  assert isinstance(gap, Gap)
  assert gap.channel == "orderbook"
  assert [request["op"] for request in okx.asked[asked:]] == ["unsubscribe", "subscribe"]
  assert okx.hear(book(21, 20)) == []
  [again] = okx.hear(book(30, -1, [(90, 1)], [(91, 1)], action="snapshot"))
  assert again.is_reset
  [event] = okx.hear(book(31, 30, [(89, 1)]))
  assert event.prev_sequence == 30


def test_a_wrong_checksum_breaks_the_book_where_the_venue_sends_one(venue):
  okx = venue(config.Books(symbols=["BTC/USDT"]))
  [gap_or_nothing] = okx.hear(
    book(10, -1, [(100, 1)], [(101, 1)], action="snapshot", checksum=12345)
  ) or [None]
  assert gap_or_nothing is None  # a snapshot that is wrong begins no chain, so nothing is lost
  assert [request["op"] for request in okx.asked[1:]] == ["unsubscribe", "subscribe"]


def bar(start, close, size, confirm="0"):
  row = [str(start), "1", "9", "1", str(close), str(size), str(size), "4", confirm]
  return message("candle1m", "BTC-USDT", row)


def test_the_end_of_a_candle_behind_the_beginning_of_the_next_one(venue):
  okx, start = venue(config.Candles(symbols=["BTC/USDT"])), START_MS - START_MS % 60_000
  told = okx.hear(
    bar(start, 2, 5),
    bar(start + 60_000, 3, 1),
    bar(start, 2.5, 6, "1"),
    bar(start, 2.5, 6, "1"),
    bar(start, 2.7, 7, "1"),
    bar(start + 60_000, 3.5, 2),
  )
  assert [(event.start - start, event.close, event.closed) for event in told] == [
    (0, 2.0, False),
    (60_000, 3.0, False),
    (0, 2.5, True),
    # The venue has corrected it.
    (0, 2.7, True),
    (60_000, 3.5, False),
  ]


@pytest.mark.parametrize("last", ["", "0", "0.000"])
def test_a_price_that_is_not_there_yet_is_null(venue, last):
  source = config.Tickers(symbols=["BTC/USDT"], quotes=False)
  row = {"last": last, "vol24h": "0", "volCcy24h": "0", "ts": "1597026383085"}
  [event] = venue(source).hear(message("tickers", "BTC-USDT", row))
  assert (event.last, event.volume) == (None, 0.0)
