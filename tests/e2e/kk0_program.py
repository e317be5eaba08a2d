"""A user's program with kk0, as its README has it. Runs in kk0's own environment.

python kk0_program.py WHAT URL: tells on standard output, in one line of JSON, what came. Those that
see a restart first write a line "ready" when the server may go.
"""

import asyncio
import json
import sys

from kk0 import Stream

WANTED = {"channels": ["trades"], "symbols": ["BTC/USDT"], "exchanges": ["*"]}


async def subscribe(url):
  """Twenty trades, and heartbeats in a hook."""
  beats, events = [], []
  async with Stream(url, on_heartbeat=beats.append) as stream:
    await stream.subscribe(**WANTED)
    async for event in stream:
      events.append(event)
      if sum(e["type"] == "trade" for e in events) >= 20 and len(beats) >= 2:
        return {"events": events, "beats": beats}


async def raw(url):
  """/raw takes no subscription; kk0 knows, and sends none."""
  events = []
  async with Stream(url) as stream:
    await stream.subscribe(channels=["trades"], symbols=["*"], exchanges=["*"])
    async for event in stream:
      events.append(event)
      if {e["type"] for e in events} >= {"trade", "ticker"} and len(events) >= 40:
        return {"events": events}


async def restart_raw(url):
  """kk0 connects again by itself, and on /raw everything goes on."""
  numbers = []
  async with Stream(url) as stream:
    async for event in stream:
      if event["type"] != "trade":
        continue
      numbers.append(event["seq_internal"])
      if len(numbers) == 5:
        print("ready", flush=True)
      begun = next((i for i, n in enumerate(numbers) if i and n < numbers[i - 1]), None)
      if begun is not None and len(numbers) >= begun + 10:
        return {"before": numbers[:begun], "after": numbers[begun:]}


async def restart_stream(url):
  """kk0 connects again by itself, and leaves it to its user to subscribe again."""
  trades, beats = [], []
  async with Stream(url, on_heartbeat=beats.append) as stream:
    await stream.subscribe(**WANTED)
    first = stream._ws

    async def subscribe_again():
      while stream._ws in (None, first):
        await asyncio.sleep(0.01)
      trades.append("again")
      await stream.subscribe(**WANTED)

    again = asyncio.create_task(subscribe_again())
    async for event in stream:
      if event["type"] == "trade":
        trades.append(event["seq_internal"])
      if len(trades) == 5:
        print("ready", flush=True)
      if "again" in trades[:-10]:
        await again
        return {"trades": trades, "beats": len(beats)}


PROGRAMS = {
  "subscribe": subscribe,
  "raw": raw,
  "restart-raw": restart_raw,
  "restart-stream": restart_stream,
}

if __name__ == "__main__":
  told = asyncio.run(asyncio.wait_for(PROGRAMS[sys.argv[1]](sys.argv[2]), 50))
  print(json.dumps(told), flush=True)
