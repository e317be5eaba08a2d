"""The rules between ccxt's structures and Bond's events, without a venue."""

from decimal import Decimal

import ccxt
import pytest
from bond_ccxt.abilities import streams
from bond_ccxt.addresses import point_at
from bond_ccxt.bars import Bars
from bond_ccxt.faults import translated
from bond_ccxt.markets import Listed, find
from bond_ccxt.outbox import Outbox
from bond_ccxt.shown_book import ShownBook
from bond_ccxt.tape import Tape
from hypothesis import given, settings, strategies as st

from bond_core._books.book import Book
from bond_core._clock import DataClock
from bond_core._errors import AuthError, Disconnected, Refused, RetryAfter, Unavailable
from bond_core._events import Gap, Trade
from bond_core._instruments import Instrument

NOW = (1_700_000_000_000, 1)


def listed(exchange="binance", unit=1, **market):
  number = None if unit is None else Decimal(unit)
  return Listed(Instrument(exchange, "spot", "BTC/USDT"), "BTC/USDT", market, number)


def outbox(channel="trades", most=50_000):
  return Outbox(channel, DataClock(NOW[0]), most)


def taken(box):
  batch, box._waiting = box._waiting, []
  return batch


def trade(number, **more):
  given = {"id": str(number), "price": 100.5, "amount": 3.0, "side": "sell", "timestamp": 7}
  return {**given, "info": {}, **more}


# Trades ------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 9))
def test_every_missing_number_is_in_exactly_one_gap(numbers, size):
  box, ordered = outbox(), sorted(numbers)
  tape = Tape(listed(), box)
  for start in range(0, len(ordered), size):
    # ccxt may tell a trade twice.
    tape.streamed([trade(n) for n in ordered[max(0, start - 2) : start + size]], NOW)
  events = taken(box)
  found = [event.sequence for event in events if type(event) is Trade]
  missing = [
    number
    for event in events
    if type(event) is Gap
    for number in range(event.venue_from, event.venue_to + 1)
  ]
  assert found == ordered
  assert sorted(found + missing) == list(range(ordered[0], ordered[-1] + 1))


def test_numbers_of_other_venues_mean_nothing():
  box = outbox()
  Tape(listed("okx"), box).streamed([trade(1), trade(5)], NOW)
  assert [type(event) for event in taken(box)] == [Trade, Trade]


def test_pages_overlap_or_a_gap_says_so():
  box = outbox()
  tape = Tape(listed("kraken"), box)
  tape.page([trade("a"), trade("b")], NOW)
  assert taken(box) == []
  tape.page([trade("b"), trade("c")], NOW)
  assert [event.trade_id for event in taken(box)] == ["c"]
  tape.page([trade("x"), trade("y")], NOW)
  assert [type(event) for event in taken(box)] == [Gap, Trade, Trade]


def test_a_full_cache_may_have_lost_what_came_before(monkeypatch):
  monkeypatch.setattr("bond_ccxt.tape.CACHED", 3)
  box = outbox()
  Tape(listed("kraken"), box).streamed([trade(n) for n in "abc"], NOW)
  assert [type(event) for event in taken(box)] == [Gap, Trade, Trade, Trade]


def test_what_was_not_traded_on_the_book_is_left_out_and_no_gap():
  box = outbox()
  odd = trade(2, info={"X": "INSURANCE_FUND"})
  Tape(listed(), box).streamed([trade(1), odd, trade(3, info={"X": "MARKET"})], NOW)
  assert [event.sequence for event in taken(box)] == [1, 3]


def test_a_trade_without_a_price_is_a_gap():
  box = outbox()
  Tape(listed(), box).streamed([trade(1, price=None), trade(2)], NOW)
  events = taken(box)
  assert {type(event) for event in events} == {Trade, Gap}
  assert next(event for event in events if type(event) is Gap).missed == 1


@pytest.mark.parametrize(("unit", "size"), [("1", 3.0), ("0.1", 0.3), (None, 3.0 * 10 / 100.5)])
def test_sizes_are_in_base_units(unit, size):
  box = outbox()
  Tape(listed("okx", unit, contractSize=10.0), box).streamed([trade(1)], NOW)
  assert taken(box)[0].size == size


# Books -------------------------------------------------------------------------------------------

side = st.dictionaries(st.integers(1, 12), st.integers(1, 5), max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(side, side), min_size=1, max_size=12), st.integers(1, 5), st.booleans())
def test_deltas_add_up_to_the_best_levels(states, depth, numbered):
  box, ours = outbox("orderbook"), Book()
  shown = ShownBook(listed(), box, depth, deltas=True)
  last = None
  for number, (bids, asks) in enumerate(states):
    # Prices that never meet, as in any book.
    down = sorted(([-p, float(s)] for p, s in bids.items()), reverse=True)
    up = sorted([p, float(s)] for p, s in asks.items())
    down = [[100 + p, s] for p, s in down]
    up = [[100 + p, s] for p, s in up]
    shown.show({"bids": down, "asks": up, "nonce": number if numbered else None}, NOW)
    for event in taken(box):
      if event.update_type == "snapshot":
        assert last is None
        assert event.is_reset
        ours.snapshot(event.bids, event.asks)
      else:
        assert event.prev_sequence == last
        ours.apply(event.bids, event.asks)
      last = event.sequence
    assert ours.levels() == (
      [(float(p), s) for p, s in down[:depth]],
      [(float(p), s) for p, s in up[:depth]],
    )


def test_what_is_shown_does_not_change_with_ccxts_own_book():
  box, book = outbox("orderbook"), {"bids": [[1.0, 2.0]], "asks": [[3.0, 4.0]], "nonce": 1}
  ShownBook(listed(), box, 5, deltas=False).show(book, NOW)
  book["bids"][0][1] = 9.0
  assert taken(box)[0].bids == [(1.0, 2.0)]


def test_a_delta_that_was_dropped_is_followed_by_a_snapshot():
  box = outbox("orderbook", most=2)
  shown = ShownBook(listed(), box, 5, deltas=True)
  for number in range(4):
    shown.show({"bids": [[1.0, number + 1.0]], "asks": [], "nonce": number}, NOW)
  taken(box)
  shown.show({"bids": [[1.0, 9.0]], "asks": [], "nonce": 9}, NOW)
  assert taken(box)[0].update_type == "snapshot"


# Candles -----------------------------------------------------------------------------------------


def test_a_bar_that_cannot_be_read_is_declared_once_and_ends_nothing():
  box = outbox("candle")
  bars = Bars(listed(), box, "1m", 60_000)
  good = [0, 1.0, 2.0, 0.5, 1.0, 7.0]
  bad = [60_000, None, 2.0, 0.5, 1.0, 7.0]
  bars.take([good], NOW)
  for _ in range(3):
    bars.take([good, bad], NOW)
  bars.take([bad, [120_000, *good[1:]]], NOW)
  found = [(type(event).__name__, getattr(event, "closed", None)) for event in taken(box)]
  assert found == [("Candle", False), ("Gap", None), ("Candle", True), ("Candle", False)]


def test_a_bar_is_closed_once_with_its_last_state():
  box = outbox("candle")
  bars = Bars(listed(), box, "1m", 60_000)
  bar = lambda start, close: [start, 1.0, 2.0, 0.5, close, 7.0]  # noqa: E731
  bars.take([bar(0, 1.0), bar(60_000, 1.1)], NOW)
  bars.take([bar(60_000, 1.2)], NOW)
  bars.take([bar(60_000, 1.2)], NOW)
  bars.take([bar(60_000, 1.3), bar(120_000, 1.4)], NOW)
  found = [(event.start, event.close, event.closed) for event in taken(box)]
  assert found == [
    (60_000, 1.1, False),
    (60_000, 1.2, False),
    (60_000, 1.3, True),
    (120_000, 1.4, False),
  ]


# What waits --------------------------------------------------------------------------------------


def test_what_does_not_fit_is_counted_in_a_gap():
  import asyncio

  async def main():
    box = outbox(most=3)
    tape = Tape(listed(), box)
    tape.streamed([trade(n) for n in range(1, 6)], NOW)
    tape.streamed([trade(n) for n in range(6, 8)], NOW)
    return await anext(box)

  batch = asyncio.run(main())
  assert [event.sequence for event in batch[:3]] == [1, 2, 3]
  assert type(batch[3]) is Gap
  assert batch[3].missed == 4
  assert len(batch) == 4


# Venues ------------------------------------------------------------------------------------------


class Exchange:
  """What the rules look at of an exchange."""

  id = "mars"

  def __init__(self, *symbols, **has):
    self.has = has
    self.markets = {}
    for symbol in symbols:
      pair, _, settle = symbol.partition(":")
      base, quote = pair.split("/")
      settled, _, expiry = settle.partition("-")
      kind = "spot" if not settle else "future" if expiry else "swap"
      self.markets[symbol] = {
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "settle": settled or None,
        "type": kind,
        "contract": bool(settle),
        "linear": settled == quote,
        "inverse": settled == base,
        "contractSize": 0.01 if settle else None,
        "active": True,
      }


MARS = Exchange(
  "BTC/USDT", "BTC/USD:BTC", "BTC/USDT:USDT", "BTC/USDT:USDT-261225", "kPEPE/USDC:USDC"
)
PLUTO = Exchange(
  *("DOT/USD", "DO/TUSD2", "WBTC/USDT", "USDT/USD", "BTC/AED", "币安人生/USDT:USDT"),
  *("XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC:USDC-261225", "BTC/USD:BTC", "BTC/USD:USD"),
  *("BTC/USD:USD-261225", "ETH/USD:USD"),
)
PLUTO.markets["BTC/USD:USD"]["id"] = "PF_XBTUSD"
PLUTO.markets["BTC/USD:BTC"]["id"] = "BTC-PERPETUAL"


@pytest.mark.parametrize(
  ("spelling", "default", "symbol", "instrument"),
  [
    ("btcusdt", "spot", "BTC/USDT", ("mars", "spot", "BTC/USDT", None)),
    ("BTC/USDT", "perp", "BTC/USDT:USDT", ("mars", "perp", "BTC/USDT", None)),
    ("BTC/USD", "perp", "BTC/USD:BTC", ("mars", "perp", "BTC/USD", None)),
    ("BTC/USDT:USDT", "spot", "BTC/USDT:USDT", ("mars", "perp", "BTC/USDT", None)),
    (
      "BTC/USDT:USDT-261225",
      "spot",
      "BTC/USDT:USDT-261225",
      ("mars", "future", "BTC/USDT", "261225"),
    ),
    ("KPEPE/USDC", "perp", "kPEPE/USDC:USDC", ("mars", "perp", "KPEPE/USDC", None)),
  ],
)
def test_any_spelling_finds_the_market(spelling, default, symbol, instrument):
  found = find(MARS, spelling, default)
  assert (found.symbol, tuple(found.instrument)) == (symbol, instrument)


@pytest.mark.parametrize(
  ("spelling", "default", "symbol", "instrument"),
  [
    ("DOTUSD", "spot", "DOT/USD", ("spot", "DOT/USD", None)),
    ("wbtc", "spot", "WBTC/USDT", ("spot", "WBTC/USDT", None)),
    ("USDTUSD", "spot", "USDT/USD", ("spot", "USDT/USD", None)),
    ("BTCAED", "spot", "BTC/AED", ("spot", "BTC/AED", None)),
    ("BTCUSD", "perp", "BTC/USD:USD", ("perp", "BTC/USD:USD", None)),
    ("PF_XBTUSD2", "perp", None, None),
    ("BTC-PERPETUAL", "spot", "BTC/USD:BTC", ("perp", "BTC/USD", None)),
    ("币安人生USDT", "perp", "币安人生/USDT:USDT", ("perp", "币安人生/USDT", None)),
    ("XYZ-TSLA/USDC:USDC", "spot", "XYZ-TSLA/USDC:USDC", ("perp", "XYZ-TSLA/USDC", None)),
    (
      *("XYZ-TSLA/USDC:USDC-261225", "spot", "XYZ-TSLA/USDC:USDC-261225"),
      ("future", "XYZ-TSLA/USDC", "261225"),
    ),
    ("BTC/USD:USD", "spot", "BTC/USD:USD", ("perp", "BTC/USD:USD", None)),
    ("BTC/USD:USD-261225", "spot", "BTC/USD:USD-261225", ("future", "BTC/USD", "261225")),
    ("ETH/USD:USD", "spot", "ETH/USD:USD", ("perp", "ETH/USD", None)),
  ],
)
def test_a_name_is_what_the_venue_lists(spelling, default, symbol, instrument):
  if symbol is None:
    with pytest.raises(Refused, match=f"mars lists no {spelling}"):
      find(PLUTO, spelling, default)
    return
  found = find(PLUTO, spelling, default)
  assert (found.symbol, tuple(found.instrument)) == (symbol, ("mars", *instrument))


def test_a_market_that_is_not_listed_is_refused_with_those_that_are():
  with pytest.raises(Refused, match=r"mars lists no BTC/EUR; it has BTC/USDT, BTC/USD:BTC"):
    find(MARS, "BTC/EUR", "spot")


def test_a_venue_says_what_it_can():
  mars = Exchange(watchTrades=None, fetchTrades=True, watchTicker=True)
  assert not streams(mars, "trades", "auto")
  assert streams(mars, "ticker", "auto")
  with pytest.raises(Refused, match="mars does not stream trades in ccxt; write mode: poll"):
    streams(mars, "trades", "stream")
  with pytest.raises(Refused, match="mars has no funding in ccxt; it has trades and ticker"):
    streams(mars, "funding", "auto")


def test_every_address_leads_to_the_endpoint():
  def leaves(urls):
    return [leaf for url in urls.values() for leaf in (leaves(url) if type(url) is dict else [url])]

  exchange = ccxt.bybit()
  exchange.urls["api"]["ws"] = {"public": "wss://stream.{hostname}/v5/public/spot"}
  point_at(exchange, "http://127.0.0.1:9001")
  found = leaves(exchange.urls["api"])
  assert "ws://127.0.0.1:9001/stream.{hostname}/v5/public/spot" in found
  assert "http://127.0.0.1:9001/api.{hostname}" in found
  assert all("//127.0.0.1:9001/" in url for url in found)


@pytest.mark.parametrize(
  ("error", "kind"),
  [
    (ccxt.AuthenticationError, AuthError),
    (ccxt.PermissionDenied, Unavailable),
    (ccxt.BadSymbol, Disconnected),
    (ccxt.ArgumentsRequired, Refused),
    (ccxt.NotSupported, Refused),
    (ccxt.RateLimitExceeded, RetryAfter),
    (ccxt.DDoSProtection, RetryAfter),
    (ccxt.RequestTimeout, Disconnected),
    (ccxt.ExchangeNotAvailable, Unavailable),
    (ccxt.OnMaintenance, Unavailable),
    (ccxt.InvalidNonce, Disconnected),
    # What is not known to be final is tried again.
    (ccxt.ExchangeError, Disconnected),
    (ccxt.BadResponse, Disconnected),
  ],
)
def test_errors_say_who_must_act_and_hold_no_secret(error, kind):
  found = translated(error("no\nkey s3cr3t, signature=abc123"), "mars", ("s3cr3t",))
  assert type(found) is kind
  assert str(found).startswith("mars: no key ***, signature=***")
  other = OSError("x")
  assert translated(other, "mars") is other
  unread = translated(KeyError("px"), "mars")
  assert type(unread) is Disconnected
  assert "ccxt could not read the venue's answer: KeyError: 'px'" in str(unread)


def test_without_a_key_or_by_a_page_a_refusal_is_not_about_the_key():
  error = ccxt.AuthenticationError("mars GET https://mars.example 401 Unauthorized")
  assert type(translated(error, "mars")) is Unavailable
  page = ccxt.AuthenticationError("mars GET https://mars.example 401 <!DOCTYPE html><html>")
  assert type(translated(page, "mars", ("s3cr3t",))) is Unavailable
  assert type(translated(error, "mars", ("s3cr3t",))) is AuthError


def test_a_request_that_failed_says_why():
  error = ccxt.ExchangeNotAvailable("mars GET https://mars.example/time")
  error.__cause__ = OSError("no route, key s3cr3t")
  said = str(translated(error, "mars", ("s3cr3t",)))
  assert said == "mars: mars GET https://mars.example/time: no route, key ***"


@pytest.mark.parametrize("far", [10**9, 2**62])
def test_a_lone_number_far_from_the_others_is_no_count_of_what_is_missing(far):
  box = outbox()
  tape = Tape(listed(), box)
  tape.streamed([trade(n) for n in (100, 101, far, 103, 105)], NOW)
  told = [
    event.sequence if type(event) is Trade else (event.venue_from, event.venue_to)
    for event in taken(box)
  ]
  assert told == [100, 101, (None, None), far, 103, (104, 104), 105]


def test_numbers_that_leap_and_go_on_there_are_followed():
  for far in (10**9, 5):
    box = outbox()
    tape = Tape(listed(), box)
    tape.streamed([trade(n) for n in (10**8, far, far + 1, far + 3)], NOW)
    gaps = [(e.venue_from, e.venue_to) for e in taken(box) if type(e) is Gap]
    assert gaps == [(None, None), (far + 2, far + 2)]


@pytest.mark.parametrize("deltas", [True, False])
@pytest.mark.parametrize("numbers", [(5, 5, 5), (None, None, None), (5, 5, 6), (5, 6, 6)])
def test_a_book_that_changes_while_its_number_stays_is_shown(deltas, numbers):
  box = outbox("orderbook")
  shown = ShownBook(listed("htx"), box, 20, deltas=deltas)
  for size, nonce in enumerate(numbers, 1):
    book = {"bids": [[1, size]], "asks": [[2, 1]], "timestamp": None, "nonce": nonce}
    # ccxt's book is looked at twice.
    shown.show(book, NOW)
    shown.show(book, NOW)
  events = taken(box)
  assert [event.bids for event in events] == [[(1.0, float(size))] for size in (1, 2, 3)]
  sequences = [event.sequence for event in events]
  assert sequences == sorted(set(sequences))
  assert [event.update_type for event in events][1:] == ["delta" if deltas else "snapshot"] * 2
