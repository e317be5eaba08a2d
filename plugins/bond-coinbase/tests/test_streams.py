"""Each channel's messages, as the venue's documentation has them, become the events they mean."""

import json

import pytest
from bond_coinbase import config
from bond_coinbase.symbols import product_id, read_symbol, spelling

from bond_core import Candle, Gap, OrderBook, Refused, Ticker, Trade
from bond_core.feeds import Notice, Reject, Reset

NOW = 1_790_000_000_000


def trade(number, product="BTC-USD", **more):
  row = {"trade_id": str(number), "product_id": product, "price": "68900.50", "size": "0.0015"}
  time = f"2026-04-07T14:30:02.{number % 1000:03}265Z"
  return row | {"side": "BUY", "time": time} | more


def trades(*rows, kind="update"):
  return [{"type": kind, "trades": list(rows)}]


def told(events):
  return [event.trade_id for event in events if isinstance(event, Trade)]


def begun(venue, *sources):
  """A venue that has sent what comes first."""
  coinbase = venue(*(sources or [config.Trades(symbols=["BTC/USD"])]))
  coinbase.say("market_trades", trades(trade(1), kind="snapshot"))
  return coinbase


def test_a_trade_has_the_side_of_the_taker(venue):
  [event] = begun(venue).say("market_trades", trades(trade(2)))
  assert event == Trade(
    exchange="coinbase",
    symbol="BTC/USD",
    market_type="spot",
    ts_event=NOW,
    ts_exchange=1_775_572_202_002,
    ts_internal=NOW * 1_000_000,
    price=68900.5,
    size=0.0015,
    # The order that rested was a bid.
    side="sell",
    maker=True,
    trade_id="2",
  )


def test_each_connection_has_heartbeats_and_requests_name_one_channel(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD", "ETH/USD"]), config.Books(symbols=["BTC/USD"]))
  assert coinbase.asked == [
    {"type": "subscribe", "channel": "heartbeats"},
    {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "level2"},
    {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "market_trades"},
  ]
  plan = coinbase.feed.opening_messages("public", coinbase.subscriptions)
  assert [json.loads(message)["channel"] for message in plan] == [
    "heartbeats", "level2", "market_trades"
  ]  # fmt: skip


def test_late_heartbeats_are_no_death_of_a_connection_that_sends_other_messages(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD"]))
  for number in range(40):
    coinbase.later(1)
    coinbase.say("market_trades", [{"type": "update", "trades": [trade(number)]}])
  coinbase.say("heartbeats", [{"current_time": "now", "heartbeat_counter": 7}])
  assert coinbase.take(Reset) == []
  for number in range(40, 92):
    coinbase.later(1)
    coinbase.say("market_trades", [{"type": "update", "trades": [trade(number)]}])
  [reset] = coinbase.take(Reset)
  assert reset.reason == "Coinbase sent no heartbeat for 50 s"


def test_a_connection_without_heartbeats_is_opened_anew(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD"]))
  for _ in range(12):
    coinbase.say("heartbeats", [{"current_time": "now", "heartbeat_counter": 7}])
    coinbase.later(1)
  assert coinbase.other == []
  coinbase.later(11)
  assert [type(action) for action in coinbase.other] == [Reset]
  assert coinbase.other[0].reason == "Coinbase sent no heartbeat for 10 s"


def test_the_snapshot_of_trades_is_history_at_first_and_what_was_missed_later(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD"]))
  assert coinbase.say("market_trades", trades(trade(2), trade(1), kind="snapshot")) == []
  # The newest comes first.
  assert told(coinbase.say("market_trades", trades(trade(4), trade(3)))) == ["3", "4"]
  coinbase.close(1)
  coinbase.open(2)
  snapshot = trades(trade(6), trade(5), trade(4), trade(2), kind="snapshot")
  assert told(coinbase.say("market_trades", snapshot, 2)) == ["5", "6"]
  assert coinbase.feed.duplicates == 2


def test_messages_of_several_products_are_read_apart(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD", "ETH/USD"]))
  for name in ("BTC-USD", "ETH-USD"):
    coinbase.say("market_trades", trades(trade(1, name), kind="snapshot"))
  mixed = trades(trade(4, "ETH-USD"), trade(3), trade(2, "ETH-USD"))
  events = coinbase.say("market_trades", mixed)
  assert [(event.symbol, event.trade_id) for event in events] == [
    ("ETH/USD", "2"),
    ("ETH/USD", "4"),
    ("BTC/USD", "3"),
  ]


def test_a_message_is_read_apart_however_it_is_spaced(venue):
  coinbase = begun(venue, config.Trades(symbols=["BTC/USD", "ETH/USD"]))
  message = json.loads(coinbase.frame("market_trades", trades(trade(4, "ETH-USD"), trade(3))))
  events = coinbase.hear(json.dumps(message).encode())
  assert [(event.symbol, event.trade_id) for event in events] == [
    ("ETH/USD", "4"),
    ("BTC/USD", "3"),
  ]


@pytest.mark.parametrize("broken", [{"price": None}, {"size": "-1"}, {"time": "soon"}])
def test_a_trade_that_cannot_be_read_is_declared_and_the_others_are_told(venue, broken):
  coinbase = begun(venue, config.Trades(symbols=["BTC/USD", "ETH/USD"]))
  rows = trade(5), trade(4, **broken), trade(7, "ETH-USD"), trade(3)
  events = coinbase.say("market_trades", trades(*rows))
  assert told(events) == ["3", "5", "7"]
  assert [(event.symbol, event.missed) for event in events if isinstance(event, Gap)] == [
    ("BTC/USD", 1)
  ]


def test_a_row_that_names_no_product_is_declared_to_all(venue):
  coinbase = begun(venue, config.Trades(symbols=["BTC/USD", "ETH/USD"]))
  coinbase.say("market_trades", trades(trade(6, "ETH-USD")))
  events = coinbase.say("market_trades", [*trades(trade(3), None, trade(7, "ETH-USD")), None])
  # Before the rest of that message, which comes after what is not known.
  assert [event.symbol for event in events if isinstance(event, Gap)] == ["BTC/USD", "ETH/USD"]
  assert all(isinstance(event, Gap) for event in events[:2])
  assert sorted(told(events[2:])) == ["3", "7"]
  later = coinbase.say("market_trades", trades(trade(8)))
  assert told(later) == ["8"]
  assert told(later) == ["8"]


def test_one_product_that_is_refused_without_being_named_fails_alone(venue):
  names = ["BTC/USD", "DOT/USD", "ETH/USD"]
  coinbase = venue(config.Trades(symbols=names), answers=False)

  def answer():
    for request in coinbase.sent():
      if "product_ids" not in request:
        continue
      refused = "DOT-USD" in request["product_ids"]
      channel = coinbase.frame("subscriptions", [{"subscriptions": {}}])
      coinbase.hear({"type": "error", "message": "no such product"} if refused else channel)

  coinbase.hear(coinbase.frame("subscriptions", [{"subscriptions": {}}]))
  answer()
  for _ in range(20):
    coinbase.later(1)
    answer()
  notices = {str(notice.subscription): notice.reason for notice in coinbase.take(Notice)}
  assert [stream for stream, reason in notices.items() if reason] == [
    "trades of coinbase DOT/USD spot"
  ]
  assert "no such product" in notices["trades of coinbase DOT/USD spot"]


# Numbers of the connection -----------------------------------------------------------------------


def test_a_number_that_is_left_out_is_a_gap_of_all_that_the_connection_carries(venue):
  coinbase = begun(
    venue,
    config.Trades(symbols=["BTC/USD"]),
    config.Books(symbols=["ETH/USD"]),
    config.Tickers(symbols=["BTC/USD"]),
  )
  coinbase.say("l2_data", levels("snapshot", bids=[(1, 1)], product="ETH-USD"))
  coinbase.skip()
  missing = coinbase.numbers[1] - 1
  events = coinbase.say("market_trades", trades(trade(2)))
  gaps = [event for event in events if isinstance(event, Gap)]
  assert {gap.channel for gap in gaps} == {"trades", "orderbook"}
  assert gaps[0].cause == f"message {missing} of the connection did not come"
  assert told(events) == ["2"]
  assert [request["type"] for request in coinbase.asked[-2:]] == ["unsubscribe", "subscribe"]
  assert coinbase.asked[-1]["product_ids"] == ["ETH-USD"]


def test_a_message_that_comes_again_or_too_late_is_left_out(venue):
  coinbase = begun(venue)
  early = coinbase.frame("market_trades", trades(trade(2)))
  late = coinbase.frame("market_trades", trades(trade(3)))
  assert [type(e) for e in coinbase.hear(late)] == [Gap, Trade]
  assert coinbase.hear(early, late) == []


def test_a_number_far_ahead_is_not_believed_and_a_new_numbering_is(venue):
  coinbase = begun(venue)
  before = coinbase.numbers[1]
  coinbase.numbers[1] = 10**9
  assert coinbase.say("market_trades", trades(trade(2))) == []
  coinbase.numbers[1] = before
  assert told(coinbase.say("market_trades", trades(trade(3)))) == ["3"]
  coinbase.numbers[1] = 0
  found = [coinbase.say("market_trades", trades(trade(n))) for n in (4, 5, 6, 7)]
  assert [[type(event) for event in events] for events in found] == [[], [], [Gap, Trade], [Trade]]


# Books -------------------------------------------------------------------------------------------


def levels(kind, *, bids=(), asks=(), product="BTC-USD"):
  rows = [
    {"side": side, "event_time": "x", "price_level": str(price), "new_quantity": str(size)}
    for side, given in (("bid", bids), ("offer", asks))
    for price, size in given
  ]
  return [{"type": kind, "product_id": product, "updates": rows}]


def test_a_book_is_a_snapshot_and_then_changes(venue):
  coinbase = venue(config.Books(symbols=["BTC/USD"], deltas=True))
  [first] = coinbase.say("l2_data", levels("snapshot", bids=[(100, 1), (99, 2)], asks=[(101, 1)]))
  assert isinstance(first, OrderBook)
  assert (first.is_reset, first.bids, first.asks) == (True, [(100, 1), (99, 2)], [(101, 1)])
  assert first.ts_exchange == NOW
  coinbase.say("heartbeats", [{"current_time": "now", "heartbeat_counter": 7}])
  [change] = coinbase.say("l2_data", levels("update", bids=[(100, 0)], asks=[(100.5, 3)]))
  assert (change.update_type, change.prev_sequence) == ("delta", first.sequence)
  assert (change.bids, change.asks) == ([(100, 0)], [(100.5, 3)])
  [gap] = coinbase.say("l2_data", levels("update", bids=[(102, 1)]))
  assert "crossed" in gap.cause
  assert coinbase.say("l2_data", levels("update", bids=[(98, 1)])) == []
  [again] = coinbase.say("l2_data", levels("snapshot", bids=[(90, 1)]))
  assert again.is_reset


def test_a_whole_book_is_as_deep_as_the_venues(venue):
  coinbase = venue(config.Books(symbols=["BTC/USD"], deltas=True))
  bids, asks = ([(at * 10 + step, 1) for step in range(1, 27_001)] for at in (0, 100_000))
  [whole] = coinbase.say("l2_data", levels("snapshot", bids=bids, asks=asks))
  assert (len(whole.bids), len(whole.asks)) == (27_000, 27_000)


def test_a_book_begins_anew_where_its_connection_leaves_it_to_another(venue):
  coinbase = venue(config.Books(symbols=["BTC/USD"], deltas=True))
  coinbase.say("l2_data", levels("snapshot", bids=[(100, 1)]))
  coinbase.open(2, overlap=True)
  assert coinbase.say("l2_data", levels("snapshot", bids=[(100, 1)]), 2) == []
  [change] = coinbase.say("l2_data", levels("update", bids=[(99, 1)]))
  assert change.update_type == "delta"
  coinbase.close(1)
  [gap] = coinbase.say("l2_data", levels("update", bids=[(98, 1)]), 2)
  assert gap.cause == "its connection has ended"
  assert [request["type"] for request in coinbase.asked[-2:]] == ["unsubscribe", "subscribe"]


# Tickers -----------------------------------------------------------------------------------------


def test_a_ticker(venue):
  coinbase = venue(config.Tickers(symbols=["BTC/USD"]))
  row = {
    "type": "ticker",
    "product_id": "BTC-USD",
    "price": "68900.50",
    "volume_24_h": "15328.12345678",
    "best_bid": "68900.00",
    "best_bid_quantity": "1.5",
    "best_ask": "68901.00",
    "best_ask_quantity": "",
  }
  [event] = coinbase.say("ticker", [{"type": "snapshot", "tickers": [row]}])
  assert isinstance(event, Ticker)
  assert (event.last, event.bid, event.bid_size, event.ask) == (68900.5, 68900, 1.5, 68901)
  assert (event.ask_size, event.volume) == (None, 15328.12345678)


# Candles -----------------------------------------------------------------------------------------

START = 1_775_572_200


def candles(*rows, kind="update"):
  bar = {"product_id": "BTC-USD", "open": "1", "high": "3", "low": "1", "close": "2"}
  found = [bar | {"start": str(START + 300 * at), "volume": str(size)} for at, size in rows]
  return [{"type": kind, "candles": found}]


def shown(events):
  return [((e.start // 1000 - START) // 300, e.volume, e.closed) for e in events]


def test_a_candle_grows_and_the_next_one_closes_it(venue):
  coinbase = venue(config.Candles(symbols=["BTC/USD"]))
  assert coinbase.asked[-1] == {
    "type": "subscribe",
    "product_ids": ["BTC-USD"],
    "channel": "candles",
  }
  # What was before is history.
  [event] = coinbase.say("candles", candles((2, 1), (1, 9), (0, 8), kind="snapshot"))
  assert isinstance(event, Candle)
  assert (event.interval, event.end - event.start, event.ts_exchange) == ("5m", 300_000, NOW)
  assert shown([event]) == [(2, 1, False)]
  # It comes every second, changed or not.
  assert coinbase.say("candles", candles((2, 1))) == []
  assert shown(coinbase.say("candles", candles((2, 4)))) == [(2, 4, False)]
  coinbase.later(1)
  found = coinbase.say("candles", candles((3, 1)))
  assert shown(found) == [(2, 4, True), (3, 1, False)]
  assert found[0].ts_event == found[1].ts_event == NOW + 1000


def test_a_closed_candle_that_grew_behind_the_beginning_of_the_next_one(venue):
  coinbase = venue(config.Candles(symbols=["BTC/USD"]))
  coinbase.say("candles", candles((2, 1)))
  assert shown(coinbase.say("candles", candles((3, 1)))) == [(2, 1, True), (3, 1, False)]
  assert shown(coinbase.say("candles", candles((2, 5)))) == [(2, 5, True)]
  assert shown(coinbase.say("candles", candles((3, 2), (2, 5)))) == [(3, 2, False)]
  assert shown(coinbase.say("candles", candles((3, 3), (2, 6)))) == [(2, 6, True), (3, 3, False)]


def test_after_an_outage_the_venues_candles_say_which_have_closed(venue):
  coinbase = venue(config.Candles(symbols=["BTC/USD"]))
  coinbase.say("candles", candles((0, 1)))
  coinbase.close(1)
  coinbase.open(2)
  # What came of the one before may not have been all of it.
  assert shown(coinbase.say("candles", candles((1, 1)), 2)) == [(1, 1, False)]
  coinbase.close(2)
  coinbase.open(3)
  whole = candles((3, 2), (2, 7), (1, 5), (0, 6), kind="snapshot")
  assert shown(coinbase.say("candles", whole, 3)) == [(1, 5, True), (2, 7, True), (3, 2, False)]


# Products ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
  ("written", "name"), [("btc-usd", "BTC-USD"), ("ETH/EUR", "ETH-EUR"), ("BTC", "BTC-USDT")]
)
def test_spellings(written, name):
  instrument = read_symbol(written).on("coinbase")
  assert product_id(instrument) == name
  assert read_symbol(spelling(instrument)).on("coinbase") == instrument


def test_a_name_in_one_word_is_what_the_list_has(venue):
  coinbase = venue(config.Trades(symbols=["DOTUSD"]))
  assert coinbase.asked[-1]["product_ids"] == ["DOT-USD"]


def test_a_list_of_names_that_cannot_be_read_is_requested_again(venue):
  source = config.Trades(symbols=["DOTUSD"])
  listed = venue(source).listed
  coinbase = venue(source, listed="no list")
  assert not [request for request in coinbase.asked if "product_ids" in request]
  coinbase.listed = listed
  coinbase.later(1)
  assert coinbase.asked[-1]["product_ids"] == ["DOT-USD"]


@pytest.mark.parametrize(
  ("written", "reason"),
  [
    ("BTC/USDC", "what comes on Coinbase for BTC/USDC is BTC/USD; write that"),
    ("BTC/EUR", "there is no BTC/EUR on Coinbase; did you mean 'BTC/USD'"),
  ],
)
def test_what_is_not_there_or_another_product_is_refused(venue, written, reason):
  coinbase = venue(config.Trades(symbols=["BTC/USD", written]))
  [reject] = coinbase.other
  assert isinstance(reject, Reject)
  assert reject.reason.startswith(reason)
  assert coinbase.asked[-1]["product_ids"] == ["BTC-USD"]


def test_contracts_are_refused(venue):
  with pytest.raises(Refused, match="Coinbase is served for spot"):
    venue(config.Trades(symbols=["BTC/USDC:USDC"]))


@pytest.mark.parametrize(
  "name", ["BIT-26APR24-CDE", "bip-20dec30-cde", "BTC-PERP-INTX", "ETH-PERP"]
)
def test_the_venues_names_of_contracts_are_refused_in_a_sentence(name):
  with pytest.raises(ValueError, match=f"{name} is a contract; Coinbase is served for spot"):
    config.Trades(symbols=[name])


def test_pairs_that_look_like_contracts_are_pairs():
  names = ["PERP-USD", "CDE-USD", "1INCH-USD"]
  assert [product_id(s.instrument) for s in config.Trades(symbols=names).subscriptions()] == names


@pytest.mark.parametrize(
  ("row", "status"),
  [({"status": "offline"}, "offline"), ({"trading_disabled": True}, "trading disabled")],
)
def test_what_is_not_traded_is_waited_for(venue, row, status):
  listed = [{"product_id": "BTC-USD", "base_currency_id": "BTC", "quote_currency_id": "USD"} | row]
  coinbase = venue(config.Trades(symbols=["BTC/USD"]), listed=listed)
  [notice] = coinbase.other
  assert isinstance(notice, Notice)
  assert notice.reason == f"BTC/USD is not traded at present on Coinbase (status {status})"


# What is no topic's ------------------------------------------------------------------------------


def test_an_error_passes(venue):
  coinbase = venue(config.Trades(symbols=["BTC/USD"]), answers=False)
  coinbase.hear(b'{"type":"error","message":"rate limit exceeded"}')
  [notice] = coinbase.other
  assert isinstance(notice, Notice)
  coinbase.later(5)
  assert [request["channel"] for request in coinbase.asked[1:]] == ["market_trades"] * 2


@pytest.mark.parametrize(
  "frame",
  [b"", b"[]", b"\xff\xfe", b'{"channel":"market_trades","sequence_num":', b"[" * 100_000],
)
def test_what_cannot_be_read_shows_by_the_numbers(venue, frame):
  coinbase = begun(venue)
  assert coinbase.hear(frame) == []
  coinbase.skip()
  [gap] = coinbase.say("heartbeats", [{"current_time": "now", "heartbeat_counter": 7}])
  assert (gap.channel, gap.reason) == ("trades", "upstream")


def test_a_message_with_its_keys_in_another_order_is_read(venue):
  coinbase = begun(venue)
  message = json.loads(coinbase.frame("market_trades", trades(trade(2))))
  frame = json.dumps(dict(reversed(message.items()))).encode()
  assert told(coinbase.hear(frame)) == ["2"]


def test_a_row_that_cannot_be_read_tells_nothing_of_the_others(venue):
  whole = venue(config.Trades(symbols=["BTC-USD"])).listed
  broken = whole[1] | {"status": None}
  coinbase = venue(config.Trades(symbols=["BTC-USD", "ETH-USD"]), listed=[whole[0], broken, 7])
  products = [request["product_ids"] for request in coinbase.asked if "product_ids" in request]
  assert products == [["BTC-USD"]]
  [notice] = coinbase.other
  assert "what is listed on Coinbase for ETH/USD cannot be read" in notice.reason
  coinbase.listed = whole
  coinbase.later(16)
  assert coinbase.asked[-1]["product_ids"] == ["ETH-USD"]


def test_products_that_nobody_reads_any_more_are_forgotten(venue):
  coinbase = venue(config.Trades(symbols=["BTC-USD", "ETH-USD"]))
  products = coinbase.feed._of_messages.products
  for name in range(100):
    odd = config.Trades(symbols=[f"ODD{name}-USD"]).subscriptions()
    coinbase.feed.on_change(1, odd, [], coinbase.now)
    coinbase.feed.on_change(1, [], odd, coinbase.now)
    coinbase.settle()
  [ether] = config.Trades(symbols=["ETH-USD"]).subscriptions()
  coinbase.feed.on_change(1, [], [ether], coinbase.now)
  assert b"ETH-USD" in products
  for _ in range(3):
    coinbase.later(61)
  assert products == {b"BTC-USD"}
  # A long outage forgets nothing that is read again.
  coinbase.close(1)
  for _ in range(3):
    coinbase.later(61)
  coinbase.open(2)
  assert b"BTC-USD" in products


def test_a_product_that_was_read_shortly_is_known_for_a_minute(venue):
  coinbase = venue(config.Trades(symbols=["BTC-USD"]))
  products = coinbase.feed._of_messages.products
  coinbase.later(61)
  odd = config.Trades(symbols=["ODD-USD"]).subscriptions()
  for _ in range(2):
    coinbase.later(50)
    coinbase.feed.on_change(1, odd, [], coinbase.now)
    coinbase.feed.on_change(1, [], odd, coinbase.now)
    coinbase.settle()
    coinbase.later(59)
    assert b"ODD-USD" in products
  coinbase.later(122)
  assert b"ODD-USD" not in products
