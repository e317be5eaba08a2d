"""A reader of /stream that knows nothing of answers: what it received, by number."""

import json
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio_websocket import open_websocket_url


class Reader:
  """What came over one socket: events by number, and the book of each market at any number."""

  def __init__(self) -> None:
    self.events: dict[int, dict[str, Any]] = {}
    self.books: list[dict[str, Any]] = []
    self.gaps: list[dict[str, Any]] = []
    self.head = 0

  async def read(self, socket: Any) -> None:
    while True:
      event = json.loads(await socket.get_message())
      kind = event["type"]
      if kind == "orderbook":
        self.books.append(event)
      elif kind == "gap":
        self.gaps.append(event)
      elif kind in ("heartbeat", "live", "system"):
        continue
      else:
        self.events[event["seq_internal"]] = event
      self.head = max(self.head, event.get("seq_internal") or 0)

  def of(self, kind: str, exchange: str, symbol: str, market_type: str = "spot") -> list[Any]:
    """The events of a market in order."""
    found = (number for number in sorted(self.events))
    wanted = (kind, exchange, symbol, market_type)
    names = ("type", "exchange", "symbol", "market_type")
    return [e for n in found if tuple((e := self.events[n])[name] for name in names) == wanted]

  def book(
    self, number: int, exchange: str, symbol: str, market_type: str = "spot"
  ) -> tuple[list[list[float]], list[list[float]]]:
    """The book of a market after the update of a number, put together from its updates."""
    sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    for event in self.books:
      of = (event["exchange"], event["symbol"], event["market_type"])
      if of != (exchange, symbol, market_type) or event["seq_internal"] > number:
        continue
      for side, levels in sides.items():
        if event["update_type"] == "snapshot":
          levels.clear()
        levels.update(map(tuple, event[side]))
        for price in [price for price, size in levels.items() if not size]:
          del levels[price]
    bids = sorted(sides["bids"].items(), reverse=True)
    return [list(level) for level in bids], [list(level) for level in sorted(sides["asks"].items())]


@asynccontextmanager
async def reading(url: str, symbols: list[str], exchanges: list[str]):
  """A reader that has subscribed to these markets."""
  reader = Reader()
  async with open_websocket_url(url) as socket, trio.open_nursery() as nursery:
    common = {"type": "subscribe", "symbols": symbols, "exchanges": exchanges, "policy": "lossless"}
    prices = {**common, "channels": ["trades", "ticker", "funding"], "from": "now-60s"}
    await socket.send_message(json.dumps(prices))
    book = {**common, "channels": ["orderbook"], "deltas": True, "id": "books"}
    await socket.send_message(json.dumps(book))
    nursery.start_soon(reader.read, socket)
    yield reader
    nursery.cancel_scope.cancel()
