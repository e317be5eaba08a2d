"""The lists of markets that a machine keeps of ccxt's venues."""

import threading

import attrs
import pytest
from bond_ccxt import config
from bond_ccxt.kept import keep_markets, not_kept
from bond_venuekit import kept_list


def market(symbol, kind="spot"):
  base, _, rest = symbol.partition("/")
  quote, _, settle = rest.partition(":")
  settled = settle.partition("-")[0] or None
  row = {"symbol": symbol, "type": kind, "base": base, "quote": quote, "settle": settled}
  return {symbol: {**row, "id": symbol.replace("/", "")}}


MARKETS = {
  **market("BTC/USD"),
  **market("PEPE/USD"),
  **market("BTC/USDT:USDT", "swap"),
  **market("1000PEPE/USDT:USDT", "swap"),
  **market("BTC/USDT:USDT-261225", "future"),
  **market("BTC/USD:BTC-261225-50000-C", "option"),
  "broken": None,
}


@pytest.fixture
def kraken(monkeypatch, tmp_path):
  monkeypatch.setenv("BOND_CACHE", str(tmp_path))
  keep_markets("kraken", MARKETS)
  for thread in threading.enumerate():
    if thread.name == "bond-listings":
      thread.join()


def test_what_is_kept_are_the_markets_that_are_served(kraken):
  found = kept_list("kraken", "ccxt")
  assert set(found.markets) == {s for s in MARKETS if s not in ("broken",) and "-C" not in s}


@pytest.mark.parametrize(
  ("symbol", "default", "nearest"),
  [
    ("BTC/USD", "spot", None),
    ("BTC-USD", "spot", None),
    ("BTC/USDT", "perp", None),
    ("BTC/USDT:USDT-261225", "spot", None),
    ("BTCUSD", "spot", None),
    ("PEPE/USDT:USDT", "spot", ("1000PEPE/USDT:USDT", "PEPE/USD")),
    ("PEPE/USDT", "perp", ("1000PEPE/USDT:USDT", "PEPE/USD")),
    ("BTC/USDT:USDT-270101", "spot", ("BTC/USDT:USDT", "BTC/USDT:USDT-261225", "BTC/USD")),
    ("ZZZ/EUR", "spot", ()),
  ],
)
def test_symbols_are_checked_as_a_run_finds_them(kraken, symbol, default, nearest):
  source = config.Trades(exchange="kraken", symbols=[symbol], market=default)
  found = [one.nearest for one in not_kept(source)]
  assert found == ([] if nearest is None else [nearest])
  assert not_kept(attrs.evolve(source, exchange="gate")) == []
  assert not_kept(attrs.evolve(source, endpoint="http://127.0.0.1:9")) == []
