"""The whole path with websockets on asyncio and uvloop: a venue's trades, normalised, to everybody.

usage: python -m tests.benchmarks.servers.websockets_path VENUE_PORT
"""

import asyncio
import sys
import threading
import time
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve


class VenueTrade(msgspec.Struct):
  T: int
  p: str
  q: str
  t: int
  m: bool


class Envelope(msgspec.Struct):
  data: VenueTrade


# The keys of a Bond trade, so that both send the same.
ABSENT: dict[str, Any] = dict.fromkeys(
  "match_id agg_trade_id liquidity order_id client_order_id is_liquidation is_block is_odd_lot "
  "fee fee_currency expiry raw".split()
)


async def main(venue: int) -> None:
  clients: set[ServerConnection] = set()
  decode = msgspec.json.Decoder(Envelope).decode
  encode = msgspec.json.Encoder().encode
  ended = asyncio.Event()
  loop = asyncio.get_running_loop()

  async def client(connection: ServerConnection) -> None:
    clients.add(connection)
    await connection.wait_closed()
    clients.discard(connection)

  def wait_for_end() -> None:
    sys.stdin.read()
    loop.call_soon_threadsafe(ended.set)

  async def carry() -> None:
    sequence = 0
    url = f"ws://127.0.0.1:{venue}/spot/stream?streams=btcusdt@trade"
    async with connect(url, compression=None, ping_interval=None) as websocket:
      while True:
        trade = decode(await websocket.recv(decode=False)).data
        sequence += 1
        event = {
          "type": "trade",
          "exchange": "binance",
          "symbol": "BTC/USDT",
          "market_type": "spot",
          "ts_event": time.time_ns() // 1_000_000,
          "ts_exchange": trade.T,
          "ts_internal": time.monotonic_ns(),
          "seq_internal": sequence,
          "price": float(trade.p),
          "size": float(trade.q),
          "side": "sell" if trade.m else "buy",
          "trade_id": str(trade.t),
          "maker": trade.m,
          "sequence": trade.t,
          **ABSENT,
        }
        broadcast(clients, encode(event))

  async with serve(client, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
    carrying = asyncio.create_task(carry())
    print(f'{{"port": {next(iter(server.sockets)).getsockname()[1]}}}', flush=True)
    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    carrying.cancel()


if __name__ == "__main__":
  uvloop.run(main(int(sys.argv[1])))
