"""The README's specs against small real servers that speak the two dialects, message by message.

Coinbase Exchange: docs.cdp.coinbase.com/exchange/websocket-feed/channels. Kraken:
docs.kraken.com/exchange/api-reference/spot-websocket-v2/trade.
"""

import json
import re
from pathlib import Path

import msgspec
import trio
from trio_websocket import serve_websocket

from bond_core import Gap, Registry, Ticker, Trade, load_spec, run

README = Path(__file__).parent.parent / "README.md"
SOURCES = {
  re.search(r"name: (\w+)", text)[1]: text
  for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
}


async def events_of(name, handler, nursery, tmp_path, *, until, **replaced):
  """The events that the README's spec of this name makes of what `handler` says."""
  server = await nursery.start(serve_websocket, handler, "127.0.0.1", 0, None)
  path = tmp_path / "out.jsonl"
  here = f"url: ws://127.0.0.1:{server.port}/\n      private: true"
  sink = f"sinks:\n  out: {{use: core.jsonl, from: {name}, with: {{path: '{path}'}}}}"
  text = re.sub(r"url: wss://\S+", here, SOURCES[name])
  text = re.sub(r"sinks:.*", sink, text, flags=re.DOTALL)
  for old, new in replaced.items():
    text = re.sub(old, new, text)
  stop = trio.Event()
  results = []

  async def running():
    results.append(await run(load_spec(text, registry=Registry()), stop=stop))

  with trio.fail_after(60):
    async with trio.open_nursery() as inner:
      inner.start_soon(running)
      await until.wait()
      await trio.sleep(0.3)
      stop.set()
  return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()], results[0]


def coinbase(kind, **more):
  return json.dumps(
    {"type": kind, "product_id": "BTC-USD", "time": "2014-11-07T08:19:27.028459Z", **more}
  )


MATCH = {
  "trade_id": 10,
  "sequence": 50,
  "maker_order_id": "ac928c66-ca53-498f-9c13-a110027a60e8",
  "taker_order_id": "132fb6ae-456b-4654-b4e0-d681ac05cea1",
  "size": "5.23512",
  "price": "400.23",
  "side": "sell",
}
TICK = {
  "sequence": 37475248783,
  "price": "1285.22",
  "open_24h": "1310.79",
  "volume_24h": "245532.79269678",
  "best_bid": "1285.04",
  "best_bid_size": "0.46688654",
  "best_ask": "1285.27",
  "best_ask_size": "1.56637040",
  "side": "buy",
  "trade_id": 370843401,
  "last_size": "11.4396987",
}


async def test_coinbase_matches_and_tickers(nursery, tmp_path):
  said, done = [], trio.Event()

  async def handler(request):
    websocket = await request.accept()
    said.append(json.loads(await websocket.get_message()))
    await websocket.send_message(json.dumps({"type": "subscriptions", "channels": []}))
    await websocket.send_message(coinbase("last_match", **MATCH))
    await websocket.send_message(coinbase("match", **MATCH))
    await websocket.send_message(coinbase("heartbeat", sequence=90, last_trade_id=20))
    await websocket.send_message(coinbase("ticker", **TICK))
    done.set()
    await trio.sleep_forever()

  rows, result = await events_of("coinbase", handler, nursery, tmp_path, until=done)
  nursery.cancel_scope.cancel()
  assert said == [
    {
      "type": "subscribe",
      "product_ids": ["BTC-USD", "ETH-USD"],
      "channels": ["matches", "ticker", "heartbeat"],
    }
  ]
  assert result.failures == ()
  trade, ticker = (msgspec.convert(row, Trade | Ticker) for row in rows)
  assert (trade.exchange, trade.symbol, trade.side) == ("ws-coinbase", "BTC/USD", "buy")
  assert (trade.price, trade.size, trade.trade_id, trade.sequence) == (400.23, 5.23512, "10", 50)
  assert trade.ts_exchange == 1415348367028
  assert (ticker.last, ticker.bid, ticker.ask) == (1285.22, 1285.04, 1285.27)
  assert (ticker.bid_size, ticker.ask_size) == (0.46688654, 1.5663704)
  assert ticker.volume == 245532.79269678


async def test_kraken_trades_with_its_pings_and_a_lost_connection(nursery, tmp_path):
  said, done, connections = [], trio.Event(), []

  def trades(*numbers):
    return json.dumps(
      {
        "channel": "trade",
        "type": "update",
        "data": [
          {
            "symbol": "MATIC/USD",
            "side": "sell",
            "price": 0.5117,
            "qty": 40.0,
            "ord_type": "market",
            "trade_id": number,
            "timestamp": "2023-09-25T07:49:37.708706Z",
          }
          for number in numbers
        ],
      }
    )

  async def handler(request):
    websocket = await request.accept()
    connections.append(websocket)
    said.append(json.loads(await websocket.get_message()))
    await websocket.send_message(json.dumps({"channel": "status", "type": "update", "data": [{}]}))
    await websocket.send_message(
      json.dumps({"method": "subscribe", "result": {"channel": "trade"}, "success": True})
    )
    await websocket.send_message(json.dumps({"channel": "heartbeat"}))
    if len(connections) == 1:
      await websocket.send_message(trades(1, 2))
      assert json.loads(await websocket.get_message()) == {"method": "ping"}
      await websocket.send_message(json.dumps({"method": "pong", "req_id": 0}))
      await websocket.send_message(trades(3))
      await websocket.aclose(1001, "maintenance")
      return
    await websocket.send_message(trades(4))
    done.set()
    await trio.sleep_forever()

  rows, result = await events_of(
    "kraken", handler, nursery, tmp_path, until=done, **{"every: 20s": "every: 1s"}
  )
  nursery.cancel_scope.cancel()
  subscribe = {
    "method": "subscribe",
    "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": False},
  }
  assert said == [subscribe, subscribe]
  assert [row.get("trade_id", row["type"]) for row in rows] == ["1", "2", "3", "gap", "4"]
  gap = msgspec.convert(rows[3], Gap)
  assert (gap.exchange, gap.channel, gap.reason) == ("ws-kraken", "trades", "upstream")
  assert "maintenance" in gap.cause
  assert (rows[0]["symbol"], rows[0]["side"], rows[0]["size"]) == ("MATIC/USD", "sell", 40.0)
  assert rows[0]["ts_exchange"] == 1695628177708
  assert result.reconnects == 1


async def test_what_the_venue_refuses_ends_the_source_with_its_words(nursery, tmp_path):
  done = trio.Event()

  async def handler(request):
    websocket = await request.accept()
    await websocket.get_message()
    await websocket.send_message(
      json.dumps({"error": "Currency pair not supported", "method": "subscribe", "success": False})
    )
    done.set()
    await trio.sleep_forever()

  _, result = await events_of("kraken", handler, nursery, tmp_path, until=done)
  nursery.cancel_scope.cancel()
  assert result.failures
