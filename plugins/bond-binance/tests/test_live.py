"""The real venue, for those who have a network: `pytest -m live`."""

import json

import pytest

from bond_core import Registry, load_spec, run

SPEC = """
name: live
sources:
  spot:    {{use: binance.trades,    with: {{symbols: [BTC/USDT]}}}}
  perp:    {{use: binance.trades,    with: {{symbols: ["BTC/USDT:USDT"]}}}}
  joined:  {{use: binance.trades,    with: {{symbols: ["BTC/USDT:USDT"], aggregate: true}}}}
  quotes:  {{use: binance.ticker,    with: {{symbols: [BTC/USDT, "BTC/USDT:USDT"]}}}}
  books:   {{use: binance.orderbook, with: {{symbols: [BTC/USDT, "BTC/USDT:USDT"]}}}}
  funding: {{use: binance.funding,   with: {{symbols: [BTC/USDT]}}}}
  candles: {{use: binance.candle,    with: {{symbols: [BTC/USDT, "BTC/USDT:USDT"]}}}}
sinks:
  file: {{use: core.jsonl, with: {{path: "{path}"}},
          from: [spot, perp, joined, quotes, books, funding, candles]}}
"""


@pytest.mark.live
async def test_every_channel_delivers_without_a_gap(tmp_path):
  path = tmp_path / "events.jsonl"
  spec = load_spec(SPEC.format(path=path), registry=Registry())
  result = await run(spec, duration=30)
  assert not result.failures
  events = [json.loads(line) for line in path.read_text().splitlines()]
  seen = {(event["type"], event["market_type"]) for event in events}
  for channel in ("trade", "ticker", "orderbook", "candle"):
    assert (channel, "spot") in seen
    assert (channel, "perp") in seen
  assert ("funding", "perp") in seen
  assert any(event.get("agg_trade_id") for event in events)
  assert [event for event in events if event["type"] == "gap"] == []
  for event in events:
    if event["type"] == "orderbook":
      assert event["bids"][0][0] < event["asks"][0][0]
