"""Symbols that the venue does not have, or no longer, are refused with a sentence."""

import threading
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from bond_binance import config
from bond_binance.listing import read_markets
from bond_binance.messages import decode_listed, decode_listing
from bond_binance.sources import SOURCES
from bond_binance.symbols import instrument_of, spelling, venue_symbol
from bond_venuekit import HINTS, kept_list
from bond_venuekit.names import PURPOSE
from bond_venuekit.testing import ScriptedVenue

from bond_core.feeds import Fetch, Notice, Reject, Response


def row(symbol, base, quote, status="TRADING"):
  return {"symbol": symbol, "status": status, "baseAsset": base, "quoteAsset": quote, "filters": []}


ROWS = [
  row("BTCUSDT", "BTC", "USDT"),
  row("ETHUSDT", "ETH", "USDT"),
  row("LUNAUSDT", "LUNA", "USDT", "BREAK"),
  row("HALTUSDT", "HALT", "USDT", "HALT"),
]
TRADE = {"e": "trade", "E": 1, "s": "X", "t": 7, "p": "2", "q": "3", "T": 1, "m": False}
UNKNOWN = {"code": -1121, "msg": "Invalid symbol."}


def listings(v):
  return [a for a in v.take(Fetch) if "exchangeInfo" in a.url]


def test_spot_is_asked_for_the_wanted_symbols_alone(venue):
  v = venue(config.Trades(symbols=["BTC/USDT", "ETH/USDT"]), config.Books(symbols=["BTC/USDT"]))
  (fetch,) = listings(v)
  assert (fetch.weight, fetch.group) == (20, "spot")
  assert parse_qs(urlsplit(fetch.url).query) == {"symbols": ['["BTCUSDT","ETHUSDT"]']}
  assert "%22" in fetch.url
  v.answer(fetch, {"symbols": ROWS[:2]})
  assert v.take(Reject) == []
  # Known ones are not asked for again, as after a reconnect.
  v.close(1)
  v.open(2)
  assert listings(v) == []


def test_an_unknown_symbol_is_found_in_the_whole_list_and_what_was_meant(venue):
  v = venue(config.Trades(symbols=["BTC/USDT", "ETHH/USDT", "LUNA/USDT", "HALT/USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, UNKNOWN, 400)
  (whole,) = listings(v)
  assert whole.url == "https://api.binance.com/api/v3/exchangeInfo"
  v.answer(whole, {"symbols": ROWS})
  assert {r.subscription.instrument.symbol: r.reason for r in v.take(Reject)} == {
    "ETHH/USDT": "there is no ETHH/USDT on Binance spot; did you mean 'ETH/USDT'?",
  }
  # Both may be open again: a market in a break is delisted, or in an expected downtime.
  assert {n.subscription.instrument.symbol: n.reason for n in v.take(Notice)} == {
    "LUNA/USDT": "LUNA/USDT is not traded at present on Binance spot (status BREAK)",
    "HALT/USDT": "HALT/USDT is not traded at present on Binance spot (status HALT)",
  }
  # The connection is told too, and what still comes is nobody's.
  assert v.sent() == [{"method": "UNSUBSCRIBE", "params": ["ethhusdt@trade"], "id": 1}]


def test_futures_list_everything(venue):
  v = venue(config.Trades(symbols=["BTC/USDT:USDT", "BTC/USDT:USDT-261226"]))
  (fetch,) = listings(v)
  assert (fetch.url, fetch.weight) == ("https://fapi.binance.com/fapi/v1/exchangeInfo", 1)
  dated = row("BTCUSDT_261225", "BTC", "USDT")
  v.answer(fetch, {"symbols": [ROWS[0], dated]})
  assert [r.reason for r in v.take(Reject)] == [
    (
      "there is no BTC/USDT:USDT-261226 among Binance's USD-M futures; "
      "did you mean 'BTC/USDT:USDT-261225'?"
    )
  ]


def test_symbols_added_later_are_asked_for(venue):
  v = venue(config.Trades(symbols=["BTC/USDT"]))
  listings(v)
  v.feed.on_change(1, config.Trades(symbols=["ETH/USDT"]).subscriptions(), [], v.now)
  v.settle()
  (fetch,) = listings(v)
  assert parse_qs(urlsplit(fetch.url).query) == {"symbols": ['["ETHUSDT"]']}


def test_very_many_symbols_ask_for_the_whole_list(venue):
  v = venue(config.Trades(symbols=[f"C{i}/USDT" for i in range(101)]))
  (fetch,) = listings(v)
  assert fetch.url == "https://api.binance.com/api/v3/exchangeInfo"


@pytest.mark.parametrize(
  ("status", "body"), [(451, b"{}"), (403, b"<html>"), (200, b"{"), (200, b'{"symbols":[]}')]
)
def test_an_answer_that_tells_nothing_refuses_nothing(venue, status, body):
  v = venue(config.Trades(symbols=["BTC/USDT:USDT"]))
  (fetch,) = listings(v)
  assert v.answer(fetch, body, status) == []
  assert v.take(Reject) == []


@pytest.mark.parametrize(
  ("file", "market"), [("BINANCE.0.gz", "spot"), ("BINANCE_FUTURES.0.gz", "usdm")]
)
def test_every_recorded_market_is_its_instrument_and_back(recorded, file, market):
  body = next(line for line in recorded(f"captures/{file}") if b"exchangeInfo ->" in line)
  rows = [decode_listed(row) for row in decode_listing(body.partition(b": ")[2]).symbols]
  assert len(rows) > 100
  instruments = {}
  for listed in rows:
    instrument = instrument_of(market, listed.symbol, listed.base, listed.quote)
    assert venue_symbol(instrument) == listed.symbol
    assert instruments.setdefault(instrument, listed.symbol) == listed.symbol
  page = read_markets(market, body.partition(b": ")[2])
  assert {m.symbol: m.written for m in page.markets} == {
    symbol: spelling(instrument) for instrument, symbol in instruments.items()
  }
  assert {m.state for m in page.markets} <= {"open", "paused", "ended"}
  assert all(set(m.terms) == {"tick size", "lot size"} for m in page.markets)
  # A kind that only futures have keeps apart what has the same name on spot.
  assert {i.market_type for i in instruments} <= (
    {"spot"} if market == "spot" else {"perp", "future"}
  )


def answered(v, rows):
  """Answers every request for a list, and gives what is subscribed to then."""
  while fetches := listings(v):
    for fetch in fetches:
      wanted = parse_qs(urlsplit(fetch.url).query).get("symbols")
      listed = [one for one in rows if wanted is None or f'"{one["symbol"]}"' in wanted[0]]
      missing = wanted is not None and len(listed) < wanted[0].count(",") + 1
      v.answer(fetch, UNKNOWN if missing else {"symbols": listed}, 400 if missing else 200)
  return [name for request in v.sent() for name in request["params"]]


@pytest.mark.parametrize(
  ("written", "market", "name", "symbol"),
  [
    ("DOTUSD", "spot", "dotusd", "DOT/USD"),
    ("BNBUSD", "spot", "bnbusd", "BNB/USD"),
    ("XAUTUSD", "spot", "xautusd", "XAUT/USD"),
    ("WBTC", "spot", "wbtcusdt", "WBTC/USDT"),
    ("WBETH", "spot", "wbethusdt", "WBETH/USDT"),
    ("BTCAED", "spot", "btcaed", "BTC/AED"),
    ("BTCFDUSD", "spot", "btcfdusd", "BTC/FDUSD"),
    ("LUNA2USD", "perp", "luna2usdusdt", "LUNA2USD/USDT"),
  ],
)
def test_a_name_in_one_word_is_what_the_list_has(venue, written, market, name, symbol):
  base, quote = symbol.split("/")
  v = venue(config.Trades(symbols=[written], market=market))
  # Nothing is subscribed to by a guess, neither in the URL.
  handshake = v.feed.handshake(next(iter(v.groups)), next(iter(v.groups.values())))
  assert handshake.url.endswith("?streams=")
  assert answered(v, [*ROWS, row(base + quote, base, quote)]) == [f"{name}@trade"]
  (event,) = v.say(f"{name}@trade", TRADE)
  assert (event.symbol, event.market_type) == (symbol, market)
  # After a reconnect it is known.
  v.close(1)
  v.open(2)
  assert answered(v, []) == [f"{name}@trade"]


def test_a_name_and_the_market_that_it_is_are_one(venue):
  v = venue(config.Trades(symbols=["ETHBTC", "ETH/BTC"]))
  assert answered(v, [row("ETHBTC", "ETH", "BTC")]) == []
  assert len(v.say("ethbtc@trade", TRADE)) == 1
  name, market = v.sources[0].subscriptions()
  assert v.feed.last_received(name) == v.feed.last_received(market) is not None
  v.feed.on_change(1, [], [market], v.now)
  v.settle()
  assert v.sent() == []
  assert len(v.say("ethbtc@trade", TRADE | {"t": 8})) == 1


def test_a_name_that_is_not_listed_is_refused(venue):
  v = venue(config.Trades(symbols=["DOTUSD", "BTC/USDT"]))
  assert answered(v, ROWS) == []
  (refused,) = v.take(Reject)
  assert refused.subscription == v.sources[0].subscriptions()[0]
  assert refused.reason.startswith(
    "Binance lists no DOTUSD (spot), neither as a pair nor as DOTUSD"
  )


def test_a_list_that_does_not_come_is_requested_again(venue):
  v = venue(config.Trades(symbols=["DOTUSD"]))
  for wait in (1, 2, 4):
    (fetch,) = listings(v)
    v.answer(fetch, b"<html>403</html>", 403)
    v.later(wait - 1)
    assert listings(v) == []
    v.later(1)
  assert answered(v, [row("DOTUSD", "DOT", "USD")]) == ["dotusd@trade"]


def test_a_name_whose_request_was_given_up_with_its_last_reader_is_looked_up_for_the_next(venue):
  v = venue(config.Trades(symbols=["DOTUSD", "BTC/USDT"]))
  (given_up,) = [fetch for fetch in v.take(Fetch) if fetch.purpose == PURPOSE]
  name = v.sources[0].subscriptions()[0]
  v.feed.on_change(1, [], [name], v.now)
  v.later(1)
  v.feed.on_change(1, [name], [], v.now)
  v.settle()
  (fetch,) = [fetch for fetch in v.take(Fetch) if fetch.purpose == PURPOSE]
  # The first answer may come all the same.
  for one in (given_up, fetch):
    v.answer(one, {"symbols": [row("DOTUSD", "DOT", "USD")]})
  sent = v.sent()
  assert [name for message in sent for name in message["params"]] == ["dotusd@trade"]


def test_letters_beyond_ascii_are_escaped_in_urls_and_nowhere_else(venue):
  v = venue(
    config.Trades(symbols=["币安人生/USDT:USDT"]), config.Books(symbols=["币安人生/USDT:USDT"])
  )
  escaped = "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt"
  url = v.feed.handshake("usdm-public", v.groups["usdm-public"]).url
  assert (
    url == f"wss://fstream.binance.com/public/stream?streams={escaped}@trade/{escaped}@depth@100ms"
  )
  (event,) = v.say("币安人生usdt@trade", TRADE | {"X": "MARKET"})
  assert event.symbol == "币安人生/USDT"
  v.later(3)
  (snapshot,) = v.snapshots()
  assert snapshot.url.endswith("/depth?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&limit=1000")
  many = [f"币安人生{number}/USDT:USDT" for number in range(100)]
  source = config.Trades(symbols=many)
  url = v.feed.handshake("usdm-public", source.subscriptions()).url
  assert 2000 < len(url) < 5000


def test_a_break_is_waited_for(venue):
  v = venue(config.Trades(symbols=["BTC/USDT", "LUNA/USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [ROWS[0], ROWS[2]]})
  assert v.take(Reject) == []
  assert [notice.unavailable for notice in v.take(Notice)] == [True]
  v.later(14)
  assert listings(v) == []
  v.later(3)
  (fetch,) = listings(v)
  assert parse_qs(urlsplit(fetch.url).query) == {"symbols": ['["BTCUSDT","LUNAUSDT"]']}
  v.answer(fetch, {"symbols": [ROWS[0], {**ROWS[2], "status": "TRADING"}]})
  (notice,) = v.take(Notice)
  assert (notice.subscription.instrument.symbol, notice.reason) == ("LUNA/USDT", None)
  v.later(299)
  assert listings(v) == []
  v.later(70)
  assert len(listings(v)) == 1


def test_a_delisted_market_leaves_its_subscription_and_comes_back(venue):
  v = venue(config.Trades(symbols=["BTC/USDT", "ETH/USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": ROWS[:2]})
  v.later(400)
  (fetch,) = listings(v)
  v.answer(fetch, UNKNOWN, 400)
  without = {"symbols": [ROWS[0], *ROWS[2:]]}
  (whole,) = listings(v)
  v.answer(whole, without)
  # One reading may be wrong; the second one counts.
  assert v.take(Notice) + v.take(Reject) + v.sent() == []
  v.later(16)
  (whole,) = listings(v)
  v.answer(whole, without)
  (notice,) = v.take(Notice)
  assert notice.reason.startswith("ETH/USDT is no longer listed on Binance spot")
  assert [request["method"] for request in v.sent()] == ["UNSUBSCRIBE"]
  v.later(400)
  (whole,) = listings(v)
  v.answer(whole, {"symbols": ROWS})
  assert [notice.reason for notice in v.take(Notice)] == [None]
  assert v.sent() == [{"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 2}]


def test_a_changed_tick_size_is_told(venue):
  def ruled(tick):
    return {**ROWS[0], "filters": [{"filterType": "PRICE_FILTER", "tickSize": tick}]}

  v = venue(config.Trades(symbols=["BTC/USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [ruled("0.01")]})
  v.later(400)
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [ruled("0.1")]})
  (notice,) = v.take(Notice)
  assert not notice.unavailable
  assert notice.reason == "BTC/USDT on Binance spot: the tick size is 0.1 now, it was 0.01"


@pytest.mark.parametrize("body", [{"symbols": []}, {"symbols": [ROWS[0]]}, b"{"])
def test_a_list_that_lost_most_of_its_markets_is_none(venue, body):
  v = venue(config.Trades(symbols=["BTC/USDT:USDT", "ETH/USDT:USDT"]))
  (fetch,) = listings(v)
  rows = [ROWS[0], ROWS[1], row("AUSDT", "A", "USDT"), row("BUSDT", "B", "USDT")]
  v.answer(fetch, {"symbols": rows})
  v.later(400)
  for _ in range(5):
    (fetch,) = listings(v)
    v.answer(fetch, body)
    v.later(20)
  assert v.take(Notice) + v.take(Reject) + v.sent() == []


@pytest.mark.parametrize("broken", [{"status": None}, {"baseAsset": 7}, {"filters": "none"}])
def test_a_row_that_cannot_be_read_tells_nothing_of_the_others(venue, broken):
  symbols = ["BTC/USDT:USDT", "XAU/USDT:USDT", "ETHH/USDT:USDT"]
  v = venue(config.Trades(symbols=symbols))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [ROWS[0], ROWS[1], row("XAUUSDT", "XAU", "USDT") | broken, None, {}]})
  assert [r.subscription.instrument.symbol for r in v.take(Reject)] == ["ETHH/USDT"]
  [notice] = v.take(Notice)
  assert notice.unavailable
  assert "listed among Binance's USD-M futures for XAU/USDT:USDT cannot be read" in notice.reason
  # It is looked at again soon, and what delivers is available, whatever a list says.
  v.say("xauusdt@trade", TRADE | {"s": "XAUUSDT", "X": "MARKET"})
  v.later(16)
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [*ROWS[:2], row("XAUUSDT", "XAU", "USDT")]})
  assert [n.reason for n in v.take(Notice)] == [None]


@pytest.mark.parametrize("state", ["TRADING_HALT", "A STATE OF NEXT YEAR"])
def test_a_state_that_no_document_has_is_waited_for(venue, state):
  v = venue(config.Trades(symbols=["BTC/USDT:USDT", "ETH/USDT:USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": [ROWS[0], row("ETHUSDT", "ETH", "USDT", state)]})
  assert v.take(Reject) == []
  assert [n.subscription.instrument.symbol for n in v.take(Notice)] == ["ETH/USDT"]


# Lists that this machine keeps ------------------------------------------------------------------


PEPE = row("1000PEPEUSDT", "1000PEPE", "USDT") | {"contractType": "PERPETUAL"}


@pytest.fixture
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv("BOND_CACHE", str(tmp_path))

  def kept(family):
    for thread in threading.enumerate():
      if thread.name == "bond-listings":
        thread.join()
    found = kept_list("binance", family)
    return None if found is None else set(found.markets.values())

  return kept


class KeepingVenue(ScriptedVenue):
  """The feed as a source of a spec makes it."""

  def make(self, connection):
    return next(source.feed for source in SOURCES)(connection)


def unlisted(*symbols):
  source = next(source for source in SOURCES if source.name == "binance.trades")
  return list(source.unlisted(config.Trades(symbols=list(symbols))))


def test_a_whole_list_is_kept_and_specs_are_checked_against_it(cache):
  v = KeepingVenue(config.Trades(symbols=["BTC/USDT:USDT"]))
  (fetch,) = listings(v)
  assert unlisted("PEPE/USDT:USDT") == []
  v.answer(fetch, {"symbols": [row("BTCUSDT", "BTC", "USDT"), PEPE]})
  assert cache("usdm") == {"BTC/USDT:USDT", "1000PEPE/USDT:USDT"}
  (symbol, reason, nearest), *others = unlisted("PEPE/USDT:USDT", "BTC/USDT:USDT", "PEPE/USDT")
  assert (symbol, nearest, others) == ("PEPE/USDT:USDT", ("1000PEPE/USDT:USDT",), [])
  assert "among Binance's USD-M futures" in reason
  # A name is split by the venue's list alone, and a simulator has a list of its own.
  assert unlisted("PEPEUSDT") == []
  source = next(source for source in SOURCES if source.name == "binance.trades")
  simulated = config.Trades(symbols=["PEPE/USDT:USDT"], endpoint="http://127.0.0.1:9")
  assert source.unlisted(simulated) == []


def test_a_kept_list_is_read_once_however_many_symbols_are_checked(cache, monkeypatch):
  v = KeepingVenue(config.Trades(symbols=["BTC/USDT:USDT"]))
  v.answer(listings(v)[0], {"symbols": [row("BTCUSDT", "BTC", "USDT"), PEPE]})
  assert cache("usdm") is not None
  read = []
  monkeypatch.setattr(
    "bond_venuekit.sources.kept_list", lambda *of: read.append(of) or kept_list(*of)
  )
  assert len(unlisted(*(f"X{n}/USDT:USDT" for n in range(20)), "BTC/USDT:USDT")) == 20
  assert read == [("binance", "usdm")]


def test_the_nearest_of_the_first_wrong_symbols_are_looked_for(cache):
  v = KeepingVenue(config.Trades(symbols=["BTC/USDT:USDT"]))
  v.answer(listings(v)[0], {"symbols": [row("BTCUSDT", "BTC", "USDT"), PEPE]})
  assert cache("usdm") is not None
  found = unlisted(*(f"PEPE{n}/USDT:USDT" for n in range(20)))
  assert [bool(nearest) for _, _, nearest in found] == [True] * HINTS + [False] * (20 - HINTS)


def test_spot_whose_symbols_are_known_is_read_as_a_whole_once_to_be_kept(cache):
  v = KeepingVenue(config.Trades(symbols=["BTC/USDT"]))
  (fetch,) = listings(v)
  v.answer(fetch, {"symbols": ROWS[:1]})
  assert cache("spot") is None
  v.later(3)
  (whole,) = listings(v)
  assert "symbols=" not in whole.url
  v.answer(whole, {"symbols": ROWS})
  assert cache("spot") == {"BTC/USDT", "ETH/USDT", "LUNA/USDT", "HALT/USDT"}
  v.later(20)
  assert listings(v) == []


@pytest.mark.parametrize(
  ("endpoint", "headers"), [("http://127.0.0.1:9", {}), (None, {"bond-simulator": "1"})]
)
def test_the_list_of_a_simulator_is_never_kept(cache, endpoint, headers):
  v = KeepingVenue(config.Trades(symbols=["BTC/USDT:USDT"], endpoint=endpoint))
  (fetch,) = listings(v)
  body = msgspec.json.encode({"symbols": [row("BTCUSDT", "BTC", "USDT")]})
  v.feed.on_response(fetch, Response(200, headers, body), v.now)
  assert cache("usdm") is None
