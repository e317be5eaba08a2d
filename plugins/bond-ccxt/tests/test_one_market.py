"""One market that fails, or one item that cannot be read, fails alone and is named."""

import asyncio
import copy
import logging
import math
import random
from itertools import pairwise
from types import SimpleNamespace

import ccxt
import ccxt.pro
import pytest
from aiohttp import WSMsgType
from bond_ccxt import abilities, polling, watching
from bond_ccxt.config import Books, Candles, Funding, Tickers, Trades
from bond_ccxt.listing import relist
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import Shared, _connection

from bond_core._clock import DataClock
from bond_core._event_checks import problem_of
from bond_core._events import Gap, Trade
from bond_core._instruments import Instrument
from bond_core.feeds import Subscription

NOW = 1_700_000_000_000
GOOD, OTHER, BAD = "BTC/USDT:USDT", "ETH/USDT:USDT", "GONE/USDT:USDT"

SAMPLES = {
  "trades": [
    {
      "id": "1",
      "price": 100.5,
      "amount": 3.0,
      "side": "sell",
      "timestamp": NOW,
      "info": {},
    }
  ],
  "ticker": {
    "last": 100.5,
    "markPrice": 100.4,
    "indexPrice": 100.3,
    "bid": 100.4,
    "bidVolume": 2.0,
    "ask": 100.6,
    "askVolume": 1.0,
    "baseVolume": 5_000.0,
    "timestamp": NOW,
  },
  "ohlcv": [[NOW, 1.0, 2.0, 0.5, 1.5, 7.0]],
  "orderbook": {"bids": [[100.0, 1.0]], "asks": [[101.0, 2.0]], "nonce": 7, "timestamp": NOW},
  "funding": {
    "fundingRate": -0.0001,
    "fundingTimestamp": NOW,
    "markPrice": 100.4,
    "indexPrice": 100.3,
    "timestamp": NOW,
  },
}
CONFIGS = {
  "trades": Trades,
  "ticker": Tickers,
  "ohlcv": Candles,
  "orderbook": Books,
  "funding": Funding,
}
STREAMED = ("trades", "ticker", "ohlcv", "orderbook", "funding")


def later(kind, number):
  """The sample as it is so many seconds later, so that it is news."""
  found = copy.deepcopy(SAMPLES[kind])
  if kind == "trades":
    found[0]["id"] = str(number)
  elif kind == "ohlcv":
    found[0][0] += 60_000 * number
  elif kind == "orderbook":
    found["nonce"] += number
  return found


class Loop(asyncio.SelectorEventLoop):
  """A loop whose time passes as soon as nothing else is to be done."""

  _now = 0.0

  def time(self):
    return self._now

  def _run_once(self):
    if not self._ready and self._scheduled:
      self._now = max(self._now, self._scheduled[0].when())
    super()._run_once()


def at_once(coroutine):
  with asyncio.Runner(loop_factory=Loop) as runner:
    return runner.run(coroutine)


class Venue:
  """An exchange of ccxt whose answers are `answer(kind, symbol, number)`, or what that raises."""

  id = "mars"

  def __init__(self, answer, several=True):
    self.has = {"fetchTickers": several, "fetchFundingRates": several}
    self.limited = []
    self.requests = []
    self._answer = answer
    self._counts = {}

  def parse_timeframe(self, interval):
    return 60

  async def _one(self, kind, symbol):
    await asyncio.sleep(0.25)
    self.requests.append(symbol)
    number = self._counts[symbol] = self._counts.get(symbol, 0) + 1
    found = self._answer(kind, symbol, number)
    if isinstance(found, Exception):
      raise found
    return found

  async def _several(self, kind, symbols):
    self.requests.append(tuple(symbols))
    return {symbol: await self._one(kind, symbol) for symbol in symbols}

  def __getattr__(self, name):
    kinds = {
      "trades": "trades",
      "ticker": "ticker",
      "ohlcv": "ohlcv",
      "order_book": "orderbook",
      "funding_rate": "funding",
    }
    for verb in ("watch_", "fetch_"):
      what = name.removeprefix(verb)
      if what in kinds:
        return lambda symbol, *more: self.limited.append(more) or self._one(kinds[what], symbol)
      if what.removesuffix("s") in kinds:
        return lambda symbols: self._several(kinds[what.removesuffix("s")], symbols)
    raise AttributeError(name)


def listed(symbol):
  base = symbol.partition("/")[0]
  market = {"type": "swap", "linear": True, "inverse": False, "contractSize": 1}
  return Listed(Instrument("mars", "perp", f"{base}/USDT"), symbol, market)


def run(way, kind, answer, *, symbols=(GOOD, OTHER, BAD), seconds=40, **venue):
  """What comes in so many seconds: events, why markets were given up, how it ended, the venue."""

  async def main():
    exchange = Venue(answer, **venue)
    shared, box = Shared(exchange, ()), Outbox("trades", DataClock(NOW))
    config = CONFIGS[kind](exchange="kraken", symbols=["BTC/USDT"], every=1)
    markets = [listed(symbol) for symbol in symbols]
    ended = None
    try:
      async with asyncio.timeout(seconds):
        await way(kind, config, shared, markets, box)
        ended = "no market is left"
    except TimeoutError:
      pass
    except (ccxt.BaseError, BaseExceptionGroup) as exc:
      ended = exc
    return SimpleNamespace(
      events=box._waiting,
      refused=box.refused,
      notices=box.notices,
      ended=ended,
      venue=exchange,
    )

  return at_once(main())


def symbols(found, gaps=False):
  return {event.symbol for event in found.events if (type(event) is Gap) == gaps}


BOTH = [(polling.poll, kind) for kind in SAMPLES] + [(watching.watch, kind) for kind in STREAMED]


@pytest.mark.parametrize(("way", "kind"), BOTH)
def test_a_market_that_is_refused_ends_alone(way, kind):
  def answer(kind, symbol, number):
    return ccxt.NotSupported(f"no {symbol}") if symbol == BAD else later(kind, number)

  found = run(way, kind, answer)
  assert found.ended is None
  assert found.refused == [f"mars: {BAD}: no {BAD}"]
  assert symbols(found) == {"BTC/USDT", "ETH/USDT"}
  requests = [symbol for symbol in found.venue.requests if symbol == BAD]
  assert len(requests) <= 3


@pytest.mark.parametrize(("way", "kind"), BOTH)
@pytest.mark.parametrize(
  "error", [ccxt.ExchangeError("not today"), TypeError("NoneType"), ccxt.NullResponse("empty")]
)
def test_a_market_that_fails_is_tried_again_while_the_others_go_on(way, kind, error):
  def answer(kind, symbol, number):
    return error if symbol == BAD and number < 5 else later(kind, number)

  found = run(way, kind, answer)
  assert found.ended is None
  assert not found.refused
  assert symbols(found) == {"BTC/USDT", "ETH/USDT", "GONE/USDT"}
  assert "GONE/USDT" in symbols(found, gaps=True)
  assert str(error) in next(event.cause for event in found.events if event.symbol == "GONE/USDT")


@pytest.mark.parametrize(("way", "kind"), BOTH)
def test_a_symbol_that_the_venue_does_not_know_now_is_tried_again(way, kind):
  def answer(kind, symbol, number):
    return ccxt.BadSymbol("gone") if symbol == BAD and number < 5 else later(kind, number)

  found = run(way, kind, answer, seconds=3)
  assert not found.refused
  assert found.notices == {
    Subscription("trades", listed(BAD).instrument): (f"mars: {BAD}: gone", True)
  }
  assert symbols(found) == {"BTC/USDT", "ETH/USDT"}
  found = run(way, kind, answer, seconds=60)
  assert found.notices == {Subscription("trades", listed(BAD).instrument): (None, True)}
  assert symbols(found) == {"BTC/USDT", "ETH/USDT", "GONE/USDT"}


LOG = logging.LoggerAdapter(logging.getLogger("bond.ccxt"))


def relisted(way, kind, lists, *, seconds, answer=None):
  """What readers learn of a market while its list is `lists`, one after the other, by time."""
  told = []

  async def main():
    exchange = Venue(answer or (lambda kind, symbol, number: later(kind, number)))
    exchange.markets = lists[0]
    readings = iter(lists[1:])

    async def load_markets(reload):
      found = next(readings, lists[-1])
      if isinstance(found, Exception):
        raise found
      exchange.markets = found

    exchange.load_markets = load_markets
    shared, box = Shared(exchange, ()), Outbox("trades", DataClock(NOW))
    box.notice = lambda instrument, reason, *, unavailable=True: told.append((reason, unavailable))
    config = CONFIGS[kind](exchange="kraken", symbols=["BTC/USDT"], every=1)
    markets, loop = [listed(GOOD)], asyncio.get_running_loop()
    tasks = [
      asyncio.create_task(relist(shared, markets, box, LOG)),
      asyncio.create_task(way(kind, config, shared, markets, box)),
    ]
    counts = []
    while loop.time() < seconds:
      await asyncio.sleep(30)
      counts.append(len(exchange.requests))
    assert not any(task.done() for task in tasks)
    for task in tasks:
      task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return markets[0], [after - before for before, after in pairwise(counts)]

  return told, *at_once(main())


def row(**more):
  return {
    "symbol": GOOD,
    "type": "swap",
    "active": True,
    "contract": True,
    "contractSize": 1,
    **more,
  }


@pytest.mark.parametrize("way", [polling.poll, watching.watch])
def test_a_market_that_two_readings_lack_is_left_until_it_is_listed_again(way, caplog):
  there, gone = {GOOD: row()}, {OTHER: row(symbol=OTHER)}
  lists = [there, gone, ccxt.NetworkError("down"), gone, gone, there]

  def silent(kind, symbol, number):
    return ccxt.ExchangeError("closed")

  told, market, requests = relisted(way, "ticker", lists, seconds=2_500, answer=silent)
  assert told == [(f"mars no longer lists {GOOD}", True), (None, True)]
  assert market.readable
  assert "the list of markets was not read again: mars: down; trying again" in caplog.text
  # It is not read meanwhile, and it is before and after.
  assert sum(requests[26:60]) == 0
  assert sum(requests[:4]) > 0
  assert sum(requests[-4:]) > 0


@pytest.mark.parametrize(
  "lacking", [{OTHER: row(symbol=OTHER)}, {GOOD: row(active=False)}, {GOOD: row(precision=5)}, {}]
)
@pytest.mark.parametrize("way", [polling.poll, watching.watch])
def test_what_delivers_is_traded_whatever_the_list_says(way, lacking):
  told, market, _ = relisted(way, "ticker", [{GOOD: row()}, lacking], seconds=2_000)
  assert told == []
  assert market.readable


def test_what_is_listed_and_not_traded_is_waited_for():
  def silent(kind, symbol, number):
    return ccxt.ExchangeError("closed")

  lists = [{GOOD: row(active=False)}] * 3 + [{GOOD: row()}]
  told, market, _ = relisted(polling.poll, "ticker", lists, seconds=300, answer=silent)
  assert told == [(f"mars: {GOOD} is listed and not traded", True), (None, True)]
  assert market.readable


def test_a_changed_contract_is_told_and_counted():
  lists = [{GOOD: row(contractSize=1)}, {GOOD: row(contractSize=0.1)}]
  told, market, _ = relisted(polling.poll, "ticker", lists, seconds=700)
  assert told[-1] == (
    f"mars: {GOOD}: the contract size is 0.1 now, it was 1",
    False,
  )
  assert market.size(5, 1.0) == 0.5


@pytest.mark.parametrize("way", [polling.poll, watching.watch])
def test_without_a_market_reading_ends(way):
  found = run(way, "ticker", lambda *given: ccxt.NotSupported("gone"), symbols=(GOOD, BAD))
  assert found.ended == "no market is left"
  assert len(found.refused) == 2


def test_what_is_missing_in_an_answer_for_several_is_requested_alone():
  def answer(kind, symbol, number):
    return None if symbol == BAD and number < 2 else later(kind, number)

  found = run(polling.poll, "ticker", answer)
  assert symbols(found) == {"BTC/USDT", "ETH/USDT", "GONE/USDT"}
  assert not symbols(found, gaps=True)


def test_one_market_that_times_out_is_declared_and_a_venue_that_does_is_lost():
  def answer(kind, symbol, number):
    return ccxt.RequestTimeout("slow") if symbol in slow else later(kind, number)

  slow = {BAD}
  found = run(polling.poll, "ticker", answer, several=False)
  assert found.ended is None
  assert symbols(found, gaps=True) == {"GONE/USDT"}
  slow = {GOOD, OTHER, BAD}
  assert type(run(polling.poll, "ticker", answer, several=False).ended) is ccxt.RequestTimeout


@pytest.mark.parametrize("text", ['{"e": [', '{"e": "trade", "p": []}', "[7"])
def test_a_message_that_ccxt_cannot_read_does_not_end_its_connection(text):
  """By itself ccxt reads nothing more on a connection after such a message, without a word."""

  async def main():
    exchange = ccxt.pro.binance()
    exchange.handle_trade = lambda client, message: message["p"]["x"]
    shared = Shared(exchange, ())
    shared.count_losses()
    client = exchange.client("wss://mars.example/ws")
    assert exchange.client("wss://mars.example/ws") is client
    _connection.set(client.url)
    before = shared.losses()
    client.handle_message(SimpleNamespace(type=WSMsgType.TEXT, data=text))
    found = shared.losses().since(before)
    await exchange.close()
    return found

  assert at_once(main()) == "ccxt could not read a message, nor say whose it was"


WRONG = [
  None, "", "abc", "nan", True, -1, -1.5, 0, 1e308, 10**30, math.nan, math.inf, [], {}, [None], b"x"
]  # fmt: skip


def changed(sample, path, value):
  found = copy.deepcopy(sample)
  at = found
  for step in path[:-1]:
    at = at[step]
  if value is changed:
    del at[path[-1]]
  else:
    at[path[-1]] = value
  return found


def places(sample, path=()):
  """Where a value of the sample is, itself left out."""
  pairs = (
    sample.items()
    if isinstance(sample, dict)
    else enumerate(sample)
    if isinstance(sample, list)
    else ()
  )
  for step, value in pairs:
    yield (*path, step)
    yield from places(value, (*path, step))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("way", [polling.poll, watching.watch])
def test_whatever_a_field_holds_ends_nothing(way, kind):
  """Each field absent and of every wrong kind: good events before and after, and between them a
  good event or a gap, or nothing where nothing is new."""
  wrong = [
    changed(SAMPLES[kind], path, value)
    for path in places(SAMPLES[kind])
    for value in [changed, *WRONG]
  ]
  wrong += WRONG

  def answer(kind, symbol, number):
    if number == 1 or number > len(wrong) + 1:
      return later(kind, number + 1_000)
    return wrong[number - 2]

  async def main():
    exchange = Venue(answer)
    shared, box = Shared(exchange, ()), Outbox("trades", DataClock(NOW))
    config = SimpleNamespace(every=0, interval="1m", depth=20, deltas=True, speed_ms=0)
    task = asyncio.create_task(way(kind, config, shared, [listed(GOOD)], box))
    while exchange._counts.get(GOOD, 0) < len(wrong) + 4:
      assert not task.done(), task.exception()
      await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return box._waiting

  async def now(self, kind, symbol):
    await asyncio.sleep(0)
    number = self._counts[symbol] = self._counts.get(symbol, 0) + 1
    return self._answer(kind, symbol, number)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(Venue, "_one", now)
    events = at_once(main())
  assert type(events[-1]) is not Gap
  assert len([event for event in events if type(event) is Gap]) > 5
  unlike = [problem for event in events if (problem := problem_of(event)) is not None]
  # A number may be any that its field can hold; a time need not be of this century.
  assert [problem for problem in unlike if "milliseconds since 1970" not in problem] == []


@pytest.mark.parametrize(
  ("usual", "limits", "limit", "told"),
  [
    (20, (5, 20), None, None),
    (10, (10, 25, 100), 25, None),
    (10, (5, 10), 10, "mars gives 10 levels at most, of the 20 of depth"),
  ],
)
def test_a_book_is_watched_as_deep_as_it_is_to_be_shown(monkeypatch, usual, limits, limit, told):
  monkeypatch.setitem(abilities._WATCHED, "mars", (usual, limits))
  found = run(watching.watch, "orderbook", lambda kind, symbol, n: later(kind, n), symbols=(GOOD,))
  assert set(found.venue.limited) == {(limit,)}
  [notice] = list(found.notices.values()) or [(None, False)]
  assert notice == (told, False)


@pytest.mark.parametrize("way", [polling.poll, watching.watch])
@pytest.mark.parametrize(
  "error",
  [
    ccxt.BadRequest("mars watchOrderBook() limit argument must be 20 or 100"),
    ccxt.ExchangeError("mars invalid depth"),
    ccxt.NotSupported("mars accepts levels of 10 only"),
  ],
)
def test_a_limit_that_no_table_has_is_left_out_and_told(monkeypatch, way, error):
  monkeypatch.setattr(abilities, "USUAL_DEPTH", 10)
  monkeypatch.setitem(abilities._WATCHED, "mars", (10, (50,)))

  def answer(kind, symbol, number):
    return error if number == 1 else later(kind, number)

  found = run(way, "orderbook", answer, symbols=(GOOD,), seconds=10)
  assert [more[0] for more in found.venue.limited[:3]] == [
    50 if way is watching.watch else 20,
    None,
    None,
  ]
  assert not [event for event in found.events if type(event) is Gap]
  [(reason, unavailable)] = found.notices.values()
  assert reason.endswith(f"levels, but as many as it does by itself: {error}")
  assert not unavailable


@pytest.mark.parametrize(
  ("exchange", "kind", "depth", "limit", "most"),
  [
    ("gate", "spot", 50, None, None),
    ("gate", "spot", 100, 400, None),
    ("gate", "swap", 100, None, None),
    ("gate", "swap", 200, 100, 100),
    ("whitebit", "spot", 20, 20, None),
    ("derive", "swap", 20, 20, None),
    ("derive", "swap", 25, 100, None),
    ("bingx", "swap", 200, 100, 100),
    ("okx", "spot", 400, None, None),
    ("hyperliquid", "swap", 50, 20, 20),
    ("binance", "spot", 500, None, None),
  ],
)
def test_a_depth_is_rounded_up_to_what_a_venue_streams(exchange, kind, depth, limit, most):
  assert abilities.watched_depth(exchange, kind, depth) == (limit, most)


@pytest.mark.parametrize(
  ("exchange", "depth", "found"),
  [
    ("kucoin", 20, (None, None)),
    ("kucoin", 50, (100, None)),
    ("htx", 100, (150, None)),
    ("htx", 200, (150, 150)),
    ("kraken", 77, (77, None)),
  ],
)
def test_a_depth_is_rounded_up_to_what_a_venue_answers(exchange, depth, found):
  assert abilities.polled_depth(exchange, depth) == found


class Plan:
  """What a venue does to the trades of a market by a seed: answers that fail, that are late, that
  say something twice or leave it out, and rows that cannot be read. `trades` are numbered."""

  PAGE = 20
  OTHER_TIMES = (ccxt.ExchangeError("odd"), ccxt.BadSymbol("gone"), ccxt.BadResponse("<html>"))

  def __init__(self, seed, *, streamed):
    self.rng = random.Random(seed)
    self.streamed = streamed
    self.begun = 0
    self.made = 0
    self.shown = set()
    self.spoiled = set()
    self.unreadable = False
    self.calm_after = 60

  def row(self, number):
    return {**SAMPLES["trades"][0], "id": str(number), "timestamp": NOW + number}

  def __call__(self, kind, symbol, count):
    rng = self.rng
    calm = count > self.calm_after
    new = 0 if calm and self.streamed and count % 2 else rng.choice((0, 1, 2, 5))
    first = self.made + 1
    self.made += max(new, 1) if self.streamed else new
    if not calm and rng.random() < 0.15:
      # What came meanwhile is in no later answer of a stream.
      self.spoiled |= set(range(first, self.made + 1)) if self.streamed else set()
      return rng.choice(self.OTHER_TIMES)
    if not self.streamed:
      first = max(1, self.made - self.PAGE + 1)
    numbers = list(range(first, self.made + 1))
    if not calm and self.streamed and rng.random() < 0.1:
      numbers = numbers[1:]
    if not calm and rng.random() < 0.1:
      numbers = sorted(numbers + numbers[: rng.randint(0, 3)])
    self.begun = self.begun or (self.made if not self.streamed else first)
    rows = [self.row(number) for number in numbers]
    for row in rows:
      if not calm and rng.random() < 0.05:
        self.spoiled.add(int(row["id"]))
        wrong = rng.choice(({"price": None}, {"amount": "x"}, {"id": None}, {"timestamp": None}))
        self.unreadable |= bool(wrong.keys() & {"price", "amount"})
        row.update(wrong)
    self.shown |= set(numbers)
    return rows


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("streamed", [True, False])
def test_trades_of_a_hostile_venue_are_told_once_and_losses_are_declared(seed, streamed):
  plan = Plan(seed, streamed=streamed)
  way = watching.watch if streamed else polling.poll
  found = run(way, "trades", plan, symbols=(GOOD,), seconds=200)
  assert found.refused == []
  told = [int(e.trade_id) for e in found.events if type(e) is Trade and e.trade_id]
  assert len(told) == len(set(told))
  assert set(told) <= plan.shown
  gaps = [event for event in found.events if type(event) is Gap]
  missing = {n for n in plan.shown if n > plan.begun} - set(told) - plan.spoiled
  assert missing == set(), (sorted(missing)[:5], [gap.cause for gap in gaps])
  told_of = any("could not be read" in gap.cause for gap in gaps)
  assert told_of >= (plan.unreadable and streamed)
  assert max(told) >= plan.made - 1
