"""What cryptofeed's handler spends on recorded messages: python cryptofeed_frames.py VENUE FILE.

Needs cryptofeed alone, so that it runs in an environment of its own.
"""

import asyncio
import json
import sys
import time
from importlib.metadata import version
from types import SimpleNamespace

from cryptofeed.defines import L2_BOOK, TRADES
from cryptofeed.exchanges import OKX, Binance, Bybit
from cryptofeed.symbols import Symbols

CONN = SimpleNamespace(address="wss://venue/v5/public/spot", uuid="venue")
# (class, the venue's spelling of BTC-USDT, channels): Binance's books begin with a request.
VENUES = {
  "binance": (Binance, "BTCUSDT", [TRADES]),
  "okx": (OKX, "BTC-USDT", [TRADES, L2_BOOK]),
  "bybit": (Bybit, "BTC/USDT", [TRADES, L2_BOOK]),
}


async def spent(venue: str, frames: list[str]) -> dict[str, object]:
  """Microseconds a message, and how many events came of all."""
  made, spelling, channels = VENUES[venue]
  events = 0

  async def take(event: object, receipt: float) -> None:
    nonlocal events
    events += 1

  Symbols.set(made.id, {"BTC-USDT": spelling}, {"symbols": ["BTC-USDT"], "instrument_type": {}})
  feed = made(symbols=["BTC-USDT"], channels=channels, callbacks=dict.fromkeys(channels, take))
  if venue == "binance":
    # Its trades are aggregated ones in cryptofeed: the same fields under another name.
    frames = [
      frame.replace("@trade", "@aggTrade")
      .replace('"t":', '"a":')
      .replace(':"trade"', ':"aggTrade"')
      for frame in frames
    ]
  began = time.process_time()
  for frame in frames:
    await feed.message_handler(frame, CONN, 0.0)
  us = (time.process_time() - began) / len(frames) * 1e6
  return {"us": us, "events": events, "version": version("cryptofeed")}


if __name__ == "__main__":
  with open(sys.argv[2], encoding="utf-8") as file:
    print(json.dumps(asyncio.run(spent(sys.argv[1], file.read().splitlines()))))
