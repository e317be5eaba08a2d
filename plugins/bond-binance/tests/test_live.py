"""The real venue, for those who have a network: tox -e live."""

import pytest
import trio
from bond_binance.sources import SPECS

from bond_core import Gap, MemoryLog, SystemClock
from bond_core.hub import open_hub

pytestmark = pytest.mark.live

CONFIGS = {
  "binance.trades": {"symbols": ["BTC/USDT", "BTC/USDT:USDT"]},
  "binance.orderbook": {"symbols": ["BTC/USDT", "BTC/USDT:USDT"], "deltas": True},
  "binance.ticker": {"symbols": ["BTC/USDT", "BTC/USDT:USDT"]},
  "binance.funding": {"symbols": ["BTC/USDT"]},
  "binance.candle": {"symbols": ["BTC/USDT"]},
}


async def test_each_source_delivers_from_the_real_venue_without_a_gap():
  clock = SystemClock()
  market = MemoryLog("market", clock=clock, stamps=True)
  cursor = market.cursor()
  events = []
  async with open_hub(market, clock) as hub:
    for spec in SPECS:
      if spec.name in CONFIGS:
        hub.open(spec.name, spec, spec.config(**CONFIGS[spec.name]))
    with trio.move_on_after(30):
      while True:
        events += await cursor.next()
  assert {e.channel for e in events} >= {"trades", "orderbook", "ticker", "funding", "candle"}
  assert {e.market_type for e in events} >= {"spot", "perp"}
  assert [e for e in events if isinstance(e, Gap)] == []
