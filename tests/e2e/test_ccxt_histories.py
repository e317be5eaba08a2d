"""ccxt as it is reads the histories of simulated venues."""

import ccxt
import pytest
import trio
from bond_ccxt.addresses import point_at
from venue import simulator

HOUR_MS, FUNDING_MS = 3_600_000, 8 * 3_600_000


@pytest.mark.parametrize("venue", ["okx", "bybit"])
async def test_ccxt_reads_rates_interest_and_candles_of_the_past(venue):
  async with simulator(venue=venue) as sim:
    exchange = getattr(ccxt, venue)({"options": {"fetchCurrencies": False}})
    exchange.has["fetchCurrencies"] = False
    point_at(exchange, sim.endpoint)
    await trio.to_thread.run_sync(check, exchange)
    assert sim.control("stats")["violations"] == {}


def check(exchange):
  symbol, now = "BTC/USDT:USDT", exchange.fetch_time()
  last = now // FUNDING_MS * FUNDING_MS
  since = last - 9 * FUNDING_MS
  rates = exchange.fetch_funding_rate_history(symbol, since, 10)
  assert [row["timestamp"] for row in rates] == list(range(since, last + 1, FUNDING_MS))
  assert all(row["fundingRate"] is not None for row in rates)

  hour = now // HOUR_MS * HOUR_MS
  held = exchange.fetch_open_interest_history(symbol, "1h", hour - 5 * HOUR_MS)
  assert [row["timestamp"] for row in held] == [hour - n * HOUR_MS for n in range(5, -1, -1)]
  assert all(row["openInterestAmount"] > 0 for row in held)
  assert exchange.fetch_open_interest(symbol)["openInterestAmount"] > 0

  since = now // 60_000 * 60_000 - 1_000 * 60_000
  candles = exchange.fetch_ohlcv(symbol, "1m", since, 100)
  assert [row[0] for row in candles] == [since + 60_000 * n for n in range(100)]
  assert len(exchange.fetch_funding_rates()) >= 3
