"""What is asked of the venue, and what becomes of its answers."""

import pytest
from bond_bybit import config
from bond_bybit.feed import BybitTopics, bybit_feed
from bond_bybit.symbols import category, read_symbol, spelling, venue_symbol

from bond_core import Refused
from bond_core.feeds import Notice, Pong, Reject, Reset


@pytest.mark.parametrize(
  ("written", "kind", "native", "full"),
  [
    ("btcusdt", "spot", "BTCUSDT", "BTC/USDT"),
    ("BTC/USDT:USDT", "linear", "BTCUSDT", "BTC/USDT:USDT"),
    ("BTCPERP", "linear", "BTCPERP", "BTC/USDC:USDC"),
    ("BTC/USD:BTC", "inverse", "BTCUSD", "BTC/USD:BTC"),
    ("BTCUSDT-25DEC26", "linear", "BTCUSDT-25DEC26", "BTC/USDT:USDT-261225"),
    ("BTC-25DEC26", "linear", "BTC-25DEC26", "BTC/USDC:USDC-261225"),
    ("BTCUSDZ26", "inverse", "BTCUSDZ26", "BTC/USD:BTC-261225"),
    ("ETH/USD:ETH-270326", "inverse", "ETHUSDH27", "ETH/USD:ETH-270326"),
  ],
)
def test_spellings(written, kind, native, full):
  instrument = read_symbol(written).on("bybit")
  assert (category(instrument), venue_symbol(instrument)) == (kind, native)
  assert spelling(instrument) == full
  assert read_symbol(full).on("bybit") == instrument


@pytest.mark.parametrize(
  ("written", "told"),
  [
    ("BTC/USD:BTC-261224", "last Friday"),
    ("BTC/USD:BTC-261127", "last Friday"),
    ("BTC/USDT:USDT-261332", "is no day"),
  ],
)
def test_contracts_of_days_that_have_none_are_refused(written, told):
  [subscription] = config.Trades(symbols=[written]).subscriptions()
  with pytest.raises(Refused, match=told):
    bybit_feed(config.Connection()).group(subscription)


@pytest.mark.parametrize("source", [config.OpenInterest, config.Liquidations, config.Funding])
def test_what_only_contracts_have(source):
  [subscription] = source(symbols=["BTC/USDT"]).subscriptions()
  spot = subscription._replace(instrument=subscription.instrument._replace(market_type="spot"))
  with pytest.raises(Refused, match=r"the perpetual is BTC/USDT:USDT"):
    bybit_feed(config.Connection()).group(spot)


def test_spot_takes_ten_topics_a_request(venue):
  symbols = [f"A{n}/USDT" for n in range(25)]
  assert [len(r["args"]) for r in venue(config.Trades(symbols=symbols)).asked] == [10, 10, 5]
  linear = venue(config.Trades(symbols=symbols, market="perp"))
  assert [len(r["args"]) for r in linear.asked] == [25]


def test_the_topics_of_a_full_connection_fit_its_characters():
  symbols = [f"ABCDEFGHIJ{n:03}/USDT:USDT-261225" for n in range(525)]
  topics = BybitTopics(config.Connection())
  subscriptions = config.Liquidations(symbols=symbols).subscriptions()
  most = topics.limits("linear").subscriptions_per_connection
  arguments = [topics.topic(s).argument for s in subscriptions[:most]]
  assert sum(map(len, arguments)) + len(arguments) <= 21_000


def test_one_unknown_topic_is_found_among_many(venue):
  symbols = [f"A{n}/USDT" for n in range(30)]
  bybit = venue(config.Trades(symbols=symbols), unknown={"publicTrade.A17USDT"})
  [reject] = bybit.other
  assert isinstance(reject, Reject)
  assert "A17/USDT" in reject.reason
  assert "handler not found" in reject.reason
  confirmed = [
    topic for r in bybit.asked for topic in r["args"] if "publicTrade.A17USDT" not in r["args"]
  ]
  assert sorted(confirmed) == sorted(f"publicTrade.A{n}USDT" for n in range(30) if n != 17)


def test_pongs_of_both_kinds_and_a_request_without_an_answer(venue):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  bybit.hear({"success": True, "ret_msg": "pong", "conn_id": "a", "op": "ping"})
  bybit.hear({"req_id": "", "op": "pong", "args": ["1675418560633"], "conn_id": "a"})
  # A field that says nothing may be null.
  bybit.hear({"success": True, "ret_msg": "pong", "conn_id": "a", "op": "ping", "req_id": None})
  bybit.hear({"op": "pong", "args": None, "req_id": None, "success": None, "ret_msg": None})
  assert [type(action) for action in bybit.other] == [Pong] * 4
  bybit.later(31)
  assert isinstance(bybit.other[-1], Reset)


@pytest.mark.parametrize(
  "frame",
  [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":"x"}]}',
    b'{"topic":"publicTrade.BTCUSDT","data":7}',
    b'{"topic":"publicTrade.BTCUSDT"',
    b"[" * 100_000,
  ],
)
def test_what_cannot_be_read_is_a_gap_and_never_an_exception(venue, frame):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]))
  [gap] = bybit.feed.on_frames(1, [frame], bybit.now)
  assert (gap.channel, gap.reason, gap.missed) == ("trades", "upstream", 1)


def test_that_a_topic_is_subscribed_already_is_no_refusal(venue):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  said = "error:already subscribed,topic:publicTrade.BTCUSDT"
  number = bybit.asked[0]["req_id"]
  bybit.hear({"success": False, "ret_msg": said, "req_id": number, "op": "subscribe"})
  bybit.later(59)
  assert bybit.other == []


@pytest.mark.parametrize(
  ("said", "kind"),
  [
    ("error:handler not found,topic:publicTrade.BTCUSDT", Reject),
    ("Invalid symbol :[publicTrade.BTCUSDT]", Reject),
    ("Internal server error", Notice),
    ("Too many visits", Notice),
  ],
)
def test_only_a_wrong_topic_is_refused_for_good(venue, said, kind):
  bybit = venue(config.Trades(symbols=["BTC/USDT"]), confirms=False)
  number = bybit.asked[0]["req_id"]
  bybit.hear({"success": False, "ret_msg": said, "req_id": number, "op": "subscribe"})
  [action] = bybit.other
  assert isinstance(action, kind)
  bybit.later(5)
  assert len(bybit.asked) == (2 if kind is Notice else 1)
