"""Symbols as users and venues write them, from the socket of a venue to the socket of a client."""

import json

import trio
from serving import served
from test_demand import client, message

SPEC = """
name: symbols
sources:
  okx: {use: okx.trades, with: {symbols: [ETH/USDT]}}
  binance: {use: binance.trades, with: {symbols: [ETH/USDT], market: perp}}
"""

NAMES = """
name: names
sources:
  joined: {use: okx.trades, with: {symbols: [DOTUSD]}}
  apart: {use: okx.trades, with: {symbols: [BTC/USDT]}}
transforms:
  count: {use: core.window, from: joined, with: {every: 1s, symbols: [DOTUSD]}}
sinks:
  out: {use: broker.websocket, from: count}
"""

# What a client writes for a venue, and the instruments whose trades come.
OF = {
  "okx": {
    "DOTUSD": [("DOT/USD", "spot", None)],
    "BTCAED": [("BTC/AED", "spot", None)],
    "BTC-USD_UM-SWAP": [("BTC/USD:USD", "perp", None)],
    "BTC/USD:USD": [("BTC/USD:USD", "perp", None)],
    "BTC/USD:BTC": [("BTC/USD", "perp", None)],
    "BTC-USD_UM_XPERP-310404": [("BTC/USD:USD", "perp", "310404")],
  },
  "binance": {
    "币安人生USDT": [("币安人生/USDT", "perp", None)],
    "币安人生/USDT:USDT": [("币安人生/USDT", "perp", None)],
  },
}


async def test_a_client_receives_what_it_calls_by_any_name(tmp_path):
  specs = [tmp_path / "symbols.yaml", tmp_path / "names.yaml"]
  for spec, text in zip(specs, (SPEC, NAMES), strict=True):
    spec.write_text(text)
  found = {}

  async def read(port, venue, symbol):
    wish = {"type": "subscribe", "channels": ["trades"], "exchanges": [venue], "symbols": [symbol]}
    async with client(port) as one:
      await one.send_message(json.dumps(wish))
      ack = await message(one, lambda m: m["type"] == "system")
      assert (ack["rejected"], ack["subscriptions"][0]["symbols"]) == ([], [written(symbol)])
      seen = set()
      for _ in range(8):
        event = await message(one, lambda m: m["type"] == "trade")
        assert event["exchange"] == venue
        seen.add((event["symbol"], event["market_type"], event["expiry"]))
      found[symbol] = sorted(seen)

  async def read_stream(server):
    path = await server.told(rb"/ws/[0-9a-f]{16}")
    async with client(server.port, path) as one:
      window = await message(one, lambda m: m.get("volume_sum"))
    # Its pipeline keeps its own, although others read the same feed.
    assert (window["symbol"], window["raw_data"]["sources"]) == ("DOT/USD", ["okx"])

  async with served(*map(str, specs)) as server, trio.open_nursery() as nursery:
    nursery.start_soon(read_stream, server)
    for venue, symbols in OF.items():
      for symbol in symbols:
        nursery.start_soon(read, server.port, venue, symbol)
  assert found == {symbol: seen for symbols in OF.values() for symbol, seen in symbols.items()}


def written(symbol):
  """How an ack lists it: a market in full, a name as it is."""
  return "币安人生/USDT" if symbol == "币安人生USDT" else symbol
