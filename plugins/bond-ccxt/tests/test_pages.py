"""Polled pages that overlap: each trade once where it has no id; bars that an answer left out."""

import asyncio
from types import SimpleNamespace

import ccxt
import pytest
from bond_ccxt import polling
from bond_ccxt.bars import Bars
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.tape import Tape

from bond_core._clock import DataClock
from bond_core._events import Candle, Gap, Trade
from bond_core._instruments import Instrument

NOW = 1_700_000_000_000
STAMPS = NOW, 1
MINUTE = 60_000
MARKET = Listed(Instrument("mars", "spot", "BTC/USDT"), "BTC/USDT", {"type": "spot"})


def trade(second, price=100.0, amount=1.0, side="buy", **fields):
  return {
    "id": None,
    "timestamp": None if second is None else NOW + 1_000 * second,
    "price": price,
    "amount": amount,
    "side": side,
    "info": {},
    **fields,
  }


class Tapes:
  def __init__(self):
    self.box = Outbox("trades", DataClock(NOW))
    self.tape = Tape(MARKET, self.box)

  def page(self, *trades):
    """What a page brings: prices, and "gap" for a gap."""
    self.tape.page(list(trades), STAMPS)
    found, self.box._waiting = self.box._waiting, []
    return ["gap" if type(event) is Gap else event.price for event in found]


def test_a_trade_a_second_without_an_id_is_one_event_a_second():
  tapes = Tapes()
  market = [trade(second, price=float(second)) for second in range(200)]
  assert tapes.page(*market[:100]) == []
  told = [price for end in range(101, 201) for price in tapes.page(*market[end - 100 : end])]
  assert told == [float(second) for second in range(100, 200)]


def test_equal_trades_are_as_many_as_a_page_has_of_them():
  tapes = Tapes()
  equal = trade(7)
  assert tapes.page(trade(5), equal) == []
  assert tapes.page(trade(5), equal, equal, equal) == [100.0, 100.0]
  # Nothing of before them is there, so it is open whether a fourth one was made.
  assert tapes.page(equal, equal, equal, trade(8, 101.0)) == ["gap", 101.0]
  # The page begins within them now.
  assert tapes.page(equal, trade(8, 101.0), trade(9, 102.0)) == [102.0]
  assert tapes.page(trade(7, side="sell"), trade(8, 101.0), trade(9, 102.0)) == [100.0]


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_trades_of_one_time_does_not_matter(order):
  tapes = Tapes()
  together = [trade(7, 1.0), trade(7, 2.0), trade(7, 3.0)]
  assert tapes.page(*together[:2][::order]) == []
  assert tapes.page(*together[::order]) == [3.0]


def test_pages_that_do_not_overlap_are_a_gap():
  tapes = Tapes()
  tapes.page(*(trade(second) for second in range(10)))
  assert tapes.page(*(trade(second) for second in range(8, 12))) == [100.0, 100.0]
  assert tapes.page(trade(30), trade(31)) == ["gap", 100.0, 100.0]
  # An empty answer is no proof of anything, nor is one that stops short.
  assert tapes.page() == tapes.page(trade(30)) == []
  assert tapes.page(trade(30), trade(31), trade(32)) == [100.0]


def test_an_empty_first_page_does_not_make_an_old_one_new():
  tapes = Tapes()
  assert tapes.page() == tapes.page() == []
  old = [trade(second, 1.0, id=str(second)) for second in range(-500, -61)]
  assert tapes.page(*old, trade(3, 2.0, id="3")) == [2.0]
  assert tapes.page(*old[100:], trade(3, 2.0, id="3"), trade(4, 3.0, id="4")) == [3.0]


def test_where_nothing_shows_what_is_new_that_is_said():
  with pytest.raises(ccxt.NotSupported, match=r"neither ids nor times.*mode: stream"):
    Tapes().page(trade(None), trade(None, 101.0))


@pytest.mark.parametrize("nothing", [None, "", "0", 0, "-1", "same"])
def test_trades_whose_ids_say_nothing_are_told_apart_by_what_they_say(nothing):
  tapes = Tapes()
  market = [trade(second, price=float(second), id=nothing) for second in range(30)]
  assert tapes.page(*market[:10]) == []
  told = [price for end in range(11, 31) for price in tapes.page(*market[end - 10 : end])]
  assert told == [float(second) for second in range(10, 30)]


def test_an_id_that_turns_out_to_be_of_several_trades_tells_none_of_them_twice():
  tapes = Tapes()
  assert tapes.page(trade(1, 1.0, id="0")) == []
  assert tapes.page(trade(1, 1.0, id="0"), trade(2, 2.0, id="0")) == [2.0]
  equal = trade(2, 2.0, id="0")
  assert tapes.page(trade(1, 1.0, id="0"), equal, equal) == [2.0]


@pytest.mark.parametrize("way", ["page", "streamed"])
def test_ids_that_begin_again_are_other_trades(way):
  box = Outbox("trades", DataClock(NOW))
  take = getattr(Tape(MARKET, box), way)
  first = [trade(second, float(second), id=str(second)) for second in range(1, 6)]
  take(first, STAMPS)
  box._waiting.clear()
  take([*first[2:], trade(100, 200.0, id="1"), trade(101, 201.0, id="2")], STAMPS)
  take([trade(100, 200.0, id="1"), trade(101, 201.0, id="2"), trade(102, 202.0, id="3")], STAMPS)
  assert [(event.trade_id, event.price) for event in box._waiting] == [
    ("1", 200.0),
    ("2", 201.0),
    ("3", 202.0),
  ]


def test_an_id_that_comes_again_with_a_part_of_what_it_said_is_the_same_trade():
  tapes = Tapes()
  market = [trade(second, float(second), id=str(second)) for second in range(6)]
  assert tapes.page(*market[:5]) == []
  partial = {**market[4], "timestamp": None, "side": None}
  assert tapes.page(*market[1:4], partial, market[5]) == [5.0]
  assert tapes.page(*market[2:]) == []


def test_a_burst_that_is_longer_than_a_page_is_a_gap_whether_or_not_its_trades_are_alike():
  equal = trade(7)
  tapes = Tapes()
  assert tapes.page(trade(1), trade(2), trade(3)) == []
  assert tapes.page(equal, equal, equal) == ["gap", 100.0, 100.0, 100.0]
  # More of them, or none: it is said once that this is open.
  assert tapes.page(equal, equal, equal) == ["gap"]
  assert tapes.page(equal, equal, equal) == []
  assert tapes.page(equal, equal, trade(8, 101.0)) == ["gap", 101.0]
  assert tapes.page(equal, trade(8, 101.0), trade(9, 102.0)) == [102.0]
  distinct = [trade(20, float(price)) for price in range(9)]
  assert tapes.page(*distinct[3:6]) == ["gap", 3.0, 4.0, 5.0]
  assert tapes.page(*distinct[6:]) == ["gap", 6.0, 7.0, 8.0]


@pytest.mark.parametrize("last", [99, 999, 100_000])
def test_contiguous_numbers_of_one_time_are_in_their_order(last):
  """ccxt has sorted them by their text: 1000 before 999."""
  box = Outbox("trades", DataClock(NOW))
  tape = Tape(Listed(Instrument("binance", "spot", "BTC/USDT"), "BTC/USDT", {}), box)
  rows = [trade(1, id=str(number)) for number in range(last - 3, last + 3)]
  tape.page(rows[:1], STAMPS)
  tape.page(sorted(rows, key=lambda row: row["id"]), STAMPS)
  assert [event.sequence for event in box._waiting] == list(range(last - 2, last + 3))


def test_contiguous_numbers_that_begin_again_are_declared_and_followed():
  box = Outbox("trades", DataClock(NOW))
  tape = Tape(Listed(Instrument("binance", "spot", "BTC/USDT"), "BTC/USDT", {}), box)
  tape.streamed([trade(second, id=str(5000 + second)) for second in range(5)], STAMPS)
  tape.streamed([trade(50 + number, id=str(number)) for number in (1, 2, 3, 4, 7)], STAMPS)
  told = ["gap" if type(event) is Gap else event.sequence for event in box._waiting]
  assert told == [5000, 5001, 5002, 5003, 5004, 1, 2, "gap", 3, 4, "gap", 7]
  [back, hole] = [event for event in box._waiting if type(event) is Gap]
  assert back.cause == "the venue's trade numbers went back from 5004 to 3"
  assert (hole.venue_from, hole.venue_to) == (5, 6)


# Bars ---------------------------------------------------------------------------------------------


def bar(minute, close=1.0):
  return [NOW + MINUTE * minute, 1.0, 9.0, 0.5, close, 7.0]


class Answers:
  """An exchange whose answers about bars are these, one after the other."""

  id = "mars"

  def __init__(self, *answers):
    self.answers = list(answers)
    self.asked = []

  def parse_timeframe(self, interval):
    return 60

  async def fetch_ohlcv(self, symbol, interval, since, limit):
    self.asked.append((since, limit))
    if not self.answers:
      raise ccxt.ExchangeClosedByUser("the end")
    return self.answers.pop(0)


def polled(*answers, now=NOW):
  """The bars that come, as (minute, close, closed), with "gap" in their place, and the venue."""
  exchange, box = Answers(*answers), Outbox("candle", DataClock(now))

  async def main():
    config = SimpleNamespace(every=0, interval="1m")
    shared = SimpleNamespace(exchange=exchange, secrets=())
    with pytest.raises(ccxt.ExchangeClosedByUser):
      await polling.poll("ohlcv", config, shared, [MARKET], box)

  asyncio.run(main())
  told = [
    "gap" if type(event) is Gap else ((event.start - NOW) // MINUTE, event.close, event.closed)
    for event in box._waiting
  ]
  return told, exchange


def test_bars_that_an_answer_left_out_are_requested_again_from_the_last_one():
  told, exchange = polled(
    [bar(0, 1.0)],
    [bar(3, 4.0), bar(4, 5.0)],
    [bar(0, 1.5), bar(1, 2.0), bar(2, 3.0), bar(3, 4.0), bar(4, 5.0)],
    now=NOW + 4 * MINUTE,
  )
  assert told == [
    (0, 1.0, False),
    *((0, 1.5, True), (1, 2.0, True), (2, 3.0, True), (3, 4.0, True)),
    (4, 5.0, False),
  ]
  assert exchange.asked[2] == (NOW, 6)


@pytest.mark.parametrize("again", [[bar(3, 4.0), bar(4, 5.0)], [bar(4, 5.0)]])
def test_a_bar_whose_end_is_not_shown_is_not_said_to_be_closed(again):
  told, _ = polled([bar(0, 1.0)], [bar(3, 4.0), bar(4, 5.0)], again, [bar(4, 5.5)])
  closed = [(3, 4.0, True)] if len(again) > 1 else []
  assert told == [(0, 1.0, False), "gap", *closed, (4, 5.0, False), (4, 5.5, False)]


def test_an_empty_answer_about_bars_closes_nothing():
  told, exchange = polled([bar(0, 1.0)], [], [bar(0, 1.2), bar(1, 2.0)])
  assert told == [(0, 1.0, False), (0, 1.2, True), (1, 2.0, False)]
  assert all(since is None for since, _ in exchange.asked)


def test_a_streamed_bar_that_was_open_at_a_lost_connection_is_not_said_to_be_closed():
  box = Outbox("candle", DataClock(NOW))
  bars = Bars(MARKET, box, "1m", MINUTE)
  bars.take([bar(0, 1.0)], STAMPS)
  bars.restart()
  bars.take([bar(5, 2.0)], STAMPS)
  bars.take([bar(6, 3.0)], STAMPS)
  events = [event for event in box._waiting if type(event) is Candle]
  assert [(event.close, event.closed) for event in events] == [
    (1.0, False),
    (2.0, False),
    (2.0, True),
    (3.0, False),
  ]
  assert not any(type(event) is Trade for event in box._waiting)


def streamed(*lots, seconds=1):
  """The bars that come of what is watched, a lot every so many seconds."""
  box = Outbox("candle", DataClock(NOW))
  bars = Bars(MARKET, box, "1m", MINUTE)
  for number, lot in enumerate(lots):
    bars.take(lot, (NOW + 1000 * seconds * number, 1))
  return [
    "gap" if type(event) is Gap else ((event.start - NOW) // MINUTE, event.close, event.closed)
    for event in box._waiting
  ]


def test_a_market_without_trades_has_no_bars_of_that_time_and_no_gap():
  quiet = ([bar(0, 1.0)], [bar(0, 1.0)], [bar(0, 1.0), bar(5, 2.0)], [bar(5, 2.0), bar(9, 3.0)])
  expected = [(0, 1.0, False), (0, 1.0, True), (5, 2.0, False), (5, 2.0, True), (9, 3.0, False)]
  assert polled(*quiet)[0] == expected
  assert streamed(*quiet) == expected
  assert streamed([bar(0, 1.0)], [bar(5, 2.0)], [bar(9, 3.0)]) == expected


def test_a_closed_bar_that_the_venue_corrects_comes_again():
  lots = [bar(0, 1.0)], [bar(0, 1.5), bar(1, 2.0)], [bar(0, 1.7), bar(1, 2.0)], [bar(1, 2.2)]
  expected = [(0, 1.0, False), (0, 1.5, True), (1, 2.0, False), (0, 1.7, True), (1, 2.2, False)]
  assert polled(*lots)[0] == expected
  # A stream has the end of a bar behind the beginning of the next one.
  assert streamed([bar(0, 1.0)], [bar(1, 2.0)], [bar(0, 1.7)], [bar(1, 2.2)]) == [
    (0, 1.0, False),
    (0, 1.0, True),
    (1, 2.0, False),
    (0, 1.7, True),
    (1, 2.2, False),
  ]


def test_a_bar_that_was_left_out_and_is_listed_later_comes_then():
  told, _ = polled([bar(0)], [bar(0), bar(3)], [bar(0), bar(2, 7.0), bar(3)], [bar(3), bar(4)])
  first = (0, 1.0, False), (0, 1.0, True), (3, 1.0, False)
  assert told == [*first, (2, 7.0, True), (3, 1.0, True), (4, 1.0, False)]


def test_an_old_answer_about_bars_corrects_nothing():
  told, _ = polled(
    [bar(0, 1.0)],
    [bar(0, 1.5), bar(1, 2.0)],
    [bar(-1, 0.5), bar(0, 1.2)],
    [bar(0, 1.5), bar(1, 2.1)],
  )
  assert told == [(0, 1.0, False), (0, 1.5, True), (1, 2.0, False), (1, 2.1, False)]


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_an_answer_about_bars_does_not_matter(order):
  told, _ = polled([bar(0)], [bar(0), bar(1), bar(2)][::order])
  assert [(start, closed) for start, _, closed in told] == [
    (0, False),
    (0, True),
    (1, True),
    (2, False),
  ]


def test_bars_that_went_back_for_good_are_told_again_behind_a_gap():
  lots = [[bar(0)], [bar(5000)], *([bar(number // 60, 1.0 + number)] for number in range(80))]
  told = streamed(*lots)
  assert told[:3] == [(0, 1.0, False), (0, 1.0, True), (5000, 1.0, False)]
  assert told.count("gap") == 1
  assert told[-1] == (1, 80.0, False)
  assert told[-21:-19] == [(0, 60.0, True), (1, 61.0, False)]


def test_a_market_of_nameless_trades_is_given_up_with_that_reason():
  class Nameless(Answers):
    async def fetch_trades(self, symbol, since, limit, options):
      return [trade(None), trade(None, 101.0)]

  exchange, box = Nameless(), Outbox("trades", DataClock(NOW))
  shared = SimpleNamespace(exchange=exchange, secrets=())
  asyncio.run(polling.poll("trades", SimpleNamespace(every=0), shared, [MARKET], box))
  [reason] = box.refused
  assert reason.startswith("mars: BTC/USDT: its trades have neither ids nor times")
