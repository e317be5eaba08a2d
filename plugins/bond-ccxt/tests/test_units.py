"""Amounts in the base currency, whatever ccxt hands on of a venue: its own code reads the venue's
answers here, in the form of the venue's documents."""

import ccxt
import pytest
from bond_ccxt.bars import Bars
from bond_ccxt.events import levels, ticker_event, trade_event
from bond_ccxt.markets import Listed, find
from bond_ccxt.outbox import Outbox

from bond_core._clock import DataClock
from bond_core._instruments import Instrument

NOW = 1_700_000_000_000
STAMPS = NOW, 1


def listed(exchange, size, *, inverse=False):
  """A perpetual of bitcoin as ccxt lists it, of a contract of this size."""
  settle = "BTC" if inverse else "USDT"
  quote = "USD" if inverse else "USDT"
  symbol = f"BTC/{quote}:{settle}"
  market = {
    "id": "BTC",
    "symbol": symbol,
    "type": "swap",
    "base": "BTC",
    "quote": quote,
    "settle": settle,
    "contract": True,
    "linear": not inverse,
    "inverse": inverse,
    "spot": False,
    "swap": True,
    "contractSize": size,
  }

  class Exchange:
    id = exchange
    markets = {symbol: market}  # noqa: RUF012

  return find(Exchange, symbol, "perp"), market


def volume(exchange, size, row, *, inverse=False, streamed=False):
  """What is told of the volume of a bar."""
  one, market = listed(exchange, size, inverse=inverse)
  box = Outbox("candle", DataClock(NOW))
  bars = Bars(one, box, "1m", 60_000, polled=not streamed)
  read = row if streamed else getattr(ccxt, exchange)().parse_ohlcv(row, market)
  bars.take([read], STAMPS)
  [event] = box._waiting
  return event.volume


@pytest.mark.parametrize(
  ("exchange", "size", "inverse", "row"),
  [
    # OKX: vol (contracts), volCcy (base), volCcyQuote.
    ("okx", 0.01, False, [str(NOW), "100", "100", "100", "100", "250", "2.5", "250", "1"]),
    ("okx", 100.0, True, [str(NOW), "100", "100", "100", "100", "2.5", "2.5", "250", "1"]),
    ("blofin", 0.001, False, [str(NOW), "100", "100", "100", "100", "2500", "2.5", "250", "1"]),
    # Bybit: volume (dollars), turnover (base).
    ("bybit", 1.0, True, [str(NOW), "100", "100", "100", "100", "250", "2.5"]),
    # Binance: index 5 is contracts, 7 the base.
    (
      "binance",
      100.0,
      True,
      [NOW, "100", "100", "100", "100", "2.5", NOW, "2.5", 3, "1", "1", "0"],
    ),
    # Gate counts contracts.
    (
      "gate",
      0.0001,
      False,
      {"t": NOW // 1000, "v": 25_000, "c": "100", "h": "1", "l": "1", "o": "1"},
    ),
    ("kucoinfutures", 0.001, False, [NOW, "100", "100", "100", "100", "2500", "250"]),
    ("kraken", 1.0, False, [NOW // 1000, "100", "100", "100", "100", "100", "2.5", 3]),
  ],
)
def test_the_volume_of_a_bar_is_in_the_base(exchange, size, inverse, row):
  assert volume(exchange, size, row, inverse=inverse) == pytest.approx(2.5)


def test_streamed_bars_of_binance_coin_m_are_contracts():
  row = [NOW, 100.0, 100.0, 100.0, 100.0, 2.5]
  assert volume("binance", 100.0, row, inverse=True, streamed=True) == pytest.approx(2.5)
  assert volume("binance", 10.0, row, inverse=True, streamed=True) == pytest.approx(0.25)
  assert volume("binance", 1.0, row, streamed=True) == 2.5


@pytest.mark.parametrize(
  ("exchange", "size", "inverse", "ticker"),
  [
    ("okx", 0.01, False, {"last": "100", "vol24h": "250", "volCcy24h": "2.5", "ts": str(NOW)}),
    ("okx", 100.0, True, {"last": "100", "vol24h": "2.5", "volCcy24h": "2.5", "ts": str(NOW)}),
    ("blofin", 0.001, False, {"last": "9", "vol24h": "2500", "volCurrency24h": "2.5", "ts": "1"}),
    ("bybit", 1.0, True, {"lastPrice": "100", "volume24h": "250", "turnover24h": "2.5"}),
    ("bybit", 1.0, False, {"lastPrice": "100", "volume24h": "2.5", "turnover24h": "250"}),
  ],
)
def test_the_volume_of_a_day_is_in_the_base(exchange, size, inverse, ticker):
  one, market = listed(exchange, size, inverse=inverse)
  read = getattr(ccxt, exchange)().parse_ticker(ticker, market)
  assert ticker_event(one, read, STAMPS).volume == pytest.approx(2.5)


@pytest.mark.parametrize("inverse", [False, True])
def test_deribit_counts_dollars_or_the_base_and_no_contracts(inverse):
  one, market = listed("deribit", 10.0, inverse=inverse)
  amount = 250 if inverse else 2.5
  row = {
    "trade_id": "ETH-1",
    "price": 100.0,
    "amount": amount,
    "direction": "buy",
    "timestamp": NOW,
  }
  trade = ccxt.deribit().parse_trade(row, market)
  assert trade_event(one, trade, STAMPS).size == 2.5
  assert levels(one, [[100.0, amount]], 5) == [(100.0, 2.5)]
  one.relist({**market, "contractSize": 1.0})
  assert trade_event(one, trade, STAMPS).size == 2.5
  spot = Listed(Instrument("deribit", "spot", "BTC/USDC"), "BTC/USDC", {"type": "spot"})
  assert trade_event(spot, {**trade, "amount": 2.5}, STAMPS).size == 2.5
