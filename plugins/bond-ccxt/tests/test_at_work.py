"""ccxt as it is, against a simulated venue over real sockets."""

import logging
from collections import Counter

import bond_ccxt.shared
import pytest
import trio

from bond_core._events import Candle, Funding, Gap, OrderBook, Ticker, Trade


def source(use, url, **settings):
  given = {"exchange": "binance", "endpoint": f"'{url}'", "symbols": "[BTC/USDT]", **settings}
  written = ", ".join(f"{key}: {value}" for key, value in given.items())
  return f"{{use: ccxt.{use}, with: {{{written}}}}}"


async def test_every_source_streams_or_polls(start, running, monkeypatch):
  made = []
  make = bond_ccxt.shared._made
  monkeypatch.setattr(
    bond_ccxt.shared, "_made", lambda *given: made.append(make(*given)) or made[-1]
  )
  sim = await start(speed=5)
  sources = {
    "trades": source("trades", sim.url, symbols="[BTC/USDT, 'ETH/USDT:USDT']"),
    "polled": source("trades", sim.url, symbols="[ETH/USDT]", mode="poll", every="200ms"),
    "books": source("orderbook", sim.url, deltas="true"),
    "ticker": source("ticker", sim.url),
    "quotes": source("ticker", sim.url, symbols="[ETH/USDT, SOL/USDT]", mode="poll", every="1s"),
    "bars": source("ohlcv", sim.url),
    "rates": source("funding", sim.url, symbols="[BTC/USDT, ETH/USDT]", every="1s"),
  }
  async with running(sources) as ran:
    await ran.until(
      lambda: (
        len(ran.of(Trade, symbol="BTC/USDT", market_type="spot")) > 3
        and ran.of(Trade, symbol="ETH/USDT", market_type="perp")
        and ran.of(Trade, symbol="ETH/USDT", market_type="spot")
        and ran.of(OrderBook, update_type="delta")
        and ran.of(Ticker, symbol="BTC/USDT")
        and ran.of(Ticker, symbol="SOL/USDT")
        and ran.of(Candle)
        and ran.of(Funding, symbol="ETH/USDT", market_type="perp")
      ),
      within=30,
    )
  # All seven sources shared one exchange.
  (exchange,) = made
  assert not exchange.users
  assert not ran.result.failures
  assert {event.exchange for event in ran.events} == {"binance"}
  assert not ran.of(Gap)
  trade = ran.of(Trade, symbol="BTC/USDT")[0]
  assert trade.side in ("buy", "sell")
  assert trade.maker == (trade.side == "sell")
  assert trade.ts_exchange > 1_600_000_000_000
  assert trade.ts_event > 0
  assert trade.ts_internal > 0
  polled = ran.of(Trade, symbol="ETH/USDT", market_type="spot")
  numbers = [int(trade.trade_id) for trade in polled]
  assert numbers == sorted(set(numbers))


async def test_a_lost_connection_is_declared_and_made_again(start, running, monkeypatch):
  monkeypatch.setattr("bond_core._supervise.Backoff.delay", lambda self: 0.1)
  sim = await start(speed=5)
  sources = {"trades": source("trades", sim.url), "books": source("orderbook", sim.url)}
  async with running(sources) as ran:
    await ran.until(lambda: ran.of(Trade) and ran.of(OrderBook))
    await sim.fault("drop")
    await ran.until(lambda: len({gap.channel for gap in ran.of(Gap)}) == 2)
    gaps = len(ran.events)
    await ran.until(lambda: {Trade, OrderBook} <= {type(event) for event in ran.events[gaps:]})
  assert {gap.exchange for gap in ran.of(Gap)} == {"binance"}
  numbers = [trade.sequence for trade in ran.of(Trade)]
  assert numbers == sorted(set(numbers))


async def test_polled_trades_without_ids_come_once_each(start, running):
  sim = await start(speed=5)
  await sim.fault("nameless")
  polled = source("trades", sim.url, mode="poll", every="200ms")
  async with running({"streamed": source("trades", sim.url), "polled": polled}) as ran:
    await ran.until(lambda: len(ran.of(Trade, trade_id=None)) > 30, within=30)
    await sim.fault("empty:1s")
    told = len(ran.of(Trade, trade_id=None))
    await ran.until(lambda: len(ran.of(Trade, trade_id=None)) > told + 30, within=30)
    # What is polled late has been streamed by then.
    await trio.sleep(1)

  def said(trades):
    return Counter((t.ts_exchange, t.price, t.size, t.side) for t in trades)

  nameless = ran.of(Trade, trade_id=None)
  all_of_them = said(event for event in ran.of(Trade) if event.trade_id is not None)
  first, last = (nameless[place].ts_exchange for place in (5, -5))
  wanted = Counter({k: n for k, n in all_of_them.items() if first < k[0] < last})
  found = Counter({k: n for k, n in said(nameless).items() if first < k[0] < last})
  assert found == wanted
  assert not ran.of(Gap)


async def test_trades_that_the_venue_left_out_are_named(start, running):
  sim = await start(speed=5)
  async with running({"trades": source("trades", sim.url)}) as ran:
    await ran.until(lambda: ran.of(Trade))
    await sim.fault("gap:5")
    await ran.until(lambda: ran.of(Gap))
    known = len(ran.events)
    await ran.until(lambda: len(ran.events) > known + 3)
  gaps = {(gap.venue_from, gap.venue_to) for gap in ran.of(Gap)}
  numbers = [trade.sequence for trade in ran.of(Trade)]
  holes = {(a + 1, b - 1) for a, b in zip(numbers, numbers[1:], strict=False) if b != a + 1}
  assert holes
  assert gaps == holes


async def test_a_book_that_breaks_is_started_again(start, running):
  sim = await start(speed=5)
  sources = {"books": source("orderbook", sim.url, speed_ms=0)}
  async with running(sources) as ran:
    await ran.until(lambda: len(ran.of(OrderBook)) > 2)
    await sim.fault("gap:5")
    await ran.until(lambda: len(ran.of(OrderBook, is_reset=True)) == 2)
  kinds = [
    type(event) for event in ran.events if type(event) is Gap or getattr(event, "is_reset", None)
  ]
  assert kinds[:3] == [OrderBook, Gap, OrderBook]
  assert ran.of(Gap)[0].channel == "orderbook"
  assert ran.of(Gap)[0].symbol == "BTC/USDT"
  assert ran.of(Gap)[0].market_type == "spot"


@pytest.mark.parametrize(
  ("use", "settings", "said"),
  [
    ("trades", {"symbols": "[BTC/USDX]"}, "binance lists no BTC/USDX; it has BTC/"),
    ("funding", {"mode": "stream"}, "binance does not stream funding in ccxt; write mode: poll"),
    ("ohlcv", {"interval": "7m"}, "binance has no candles of 7m; it has "),
    ("funding", {"symbols": "[BTC/USDT]", "market": "spot"}, "BTC/USDT has no funding"),
  ],
)
async def test_what_cannot_be_is_refused_with_what_can(start, running, use, settings, said):
  sim = await start()
  async with running({"it": source(use, sim.url, **settings)}) as ran:
    await ran.until(lambda: ran.result is not None)
  assert said in ran.result.failures[0]


@pytest.mark.parametrize(
  ("use", "settings"),
  [
    ("trades", {}),
    ("ticker", {"mode": "poll", "every": "200ms"}),
    ("funding", {"every": "200ms", "symbols": "['BTC/USDT:USDT', 'GONE/USDT', ETH/USDT]"}),
  ],
)
async def test_a_symbol_that_is_not_listed_is_named_and_the_others_come(
  start, running, use, settings
):
  sim = await start(speed=5)
  given = {"symbols": "[BTC/USDT, ETH/USDT, GONE/USDT]", **settings}
  async with running({"it": source(use, sim.url, **given)}) as ran:
    await ran.until(lambda: {"BTC/USDT", "ETH/USDT"} <= {event.symbol for event in ran.events})
  (failure,) = ran.result.failures
  assert "it: binance lists no GONE/USDT" in failure
  assert ran.result.events


async def test_credentials_are_in_no_log_event_or_error(start, running, monkeypatch, caplog):
  caplog.set_level(logging.DEBUG)
  monkeypatch.setenv("CANARY_KEY", "canary-key-0123456789")
  monkeypatch.setenv("CANARY_SECRET", "canary-secret-0123456789")
  monkeypatch.setattr("bond_core._supervise.RestartBudget.spend", lambda self, now: False)
  sim = await start()
  # With a key, ccxt requests currencies first, signed: the simulator knows no such path.
  written = source(
    "trades", sim.url, api_key="{secret: CANARY_KEY}", api_secret="{secret: CANARY_SECRET}"
  )
  async with running({"it": written}) as ran:
    await ran.until(lambda: "it: " in caplog.text or ran.result is not None)
    await trio.sleep(0.2)
  assert "binance: " in caplog.text
  assert "canary" not in caplog.text
  assert "canary" not in str(ran.result)
  assert "signature=" not in caplog.text.replace("signature=***", "")
