"""What can be checked of a spec without ccxt being imported."""

import subprocess
import sys

import pytest
from bond_ccxt.exchanges import exchange_ids, streaming_ids
from bond_ccxt.sources import SOURCES

from bond_core import Registry, load_spec
from bond_core._errors import Refused, SpecError, leaf
from bond_core._instruments import parse_market
from bond_core._simulators import open_simulators

SOURCES_BY_NAME = {spec.name: spec for spec in SOURCES}


def load(**settings):
  given = {"exchange": "kraken", "symbols": "[BTC/USD]", **settings}
  written = ", ".join(f"{key}: {value}" for key, value in given.items())
  return load_spec(
    f"sources:\n  it: {{use: ccxt.trades, with: {{{written}}}}}\n", registry=Registry()
  )


def test_the_venues_are_those_of_ccxt_itself():
  import ccxt.async_support
  import ccxt.pro

  assert exchange_ids() == set(ccxt.async_support.exchanges)
  assert streaming_ids() == set(ccxt.pro.exchanges)


CHECK = """
from bond_core import Registry, load_spec
spec = "sources: {a: {use: ccxt.trades, with: {exchange: kraken, symbols: [BTC/USD]}}}"
load_spec(spec, registry=Registry())
"""


@pytest.mark.parametrize(
  "code",
  [
    "from bond_core._cli.main import main; main(['--help'], standalone_mode=False)",
    "from bond_core._cli.main import main; main(['plugins'], standalone_mode=False)",
    CHECK,
  ],
  ids=["help", "plugins", "check"],
)
def test_only_a_running_source_imports_ccxt(code):
  done = subprocess.run(
    [sys.executable, "-c", f"{code}\nimport sys; assert 'ccxt' not in sys.modules"],
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"exchange": "krakn"}, "ccxt has no exchange 'krakn'; did you mean 'kraken'?"),
    ({"exchange": "Kraken"}, "did you mean 'kraken'?"),
    ({"symbols": "[]"}, "name at least one symbol"),
    ({"symbols": "[BTC/USD, btc-usd]"}, "'BTC/USD' and 'btc-usd' are one"),
    ({"every": "10ms"}, "write 100ms to 1h"),
    ({"endpoint": "ftp://x"}, "is no endpoint"),
    ({"mode": "push"}, "'auto'"),
  ],
)
def test_what_is_wrong_is_reported_before_anything_starts(settings, message):
  with pytest.raises(SpecError) as raised:
    load(**settings)
  assert message in str(raised.value)


def test_polls_come_every_five_seconds_by_default():
  assert load().sources["it"].config.every == 5.0


async def test_a_venue_without_a_simulator_never_runs_as_simulated():
  with pytest.raises(ExceptionGroup) as raised:
    async with open_simulators([load()]):
      raise AssertionError("it started")
  message = str(leaf(raised.value))
  assert message == "sources.it: ccxt.trades of kraken has no simulator; run without --sim"


def test_more_markets_come_from_the_venue_that_runs_and_from_no_other():
  spec = SOURCES_BY_NAME["ccxt.trades"]
  market = parse_market("ETH/USD")
  more = spec.on_demand(load().sources["it"].config, market)
  assert (more.exchange, more.symbols) == ("kraken", ["ETH/USD"])
  assert spec.exchange_of(more) == "kraken"
  with pytest.raises(Refused, match="exchange: kraken"):
    spec.on_demand(None, market)
