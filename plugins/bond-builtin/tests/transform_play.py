"""Plays events through a transform as a pipeline does, on clocks that a test moves by hand."""

import gzip
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from bond_core._clock import DataClock
from bond_core._events import Batch, Ticker, Trade
from bond_core._types.transform import TransformContext

SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[4] / "shared"))
SPOT = SHARED / "data" / "binance-2024" / "spot_btcusdt_20240808.gz"


class HandClock:
  """A machine's two clocks; `leap` sets the wall clock."""

  def __init__(self, wall_ms=1_700_000_000_000):
    self.wall = wall_ms
    self.mono = 5_000_000

  def now_ms(self):
    return self.wall

  def mono_ns(self):
    return self.mono * 1_000_000

  def advance(self, ms):
    self.wall += ms
    self.mono += ms

  def leap(self, ms):
    self.wall += ms


def context(clock):
  return TransformContext("t", clock)


def trade(
  when, price=100.0, size=1.0, *, arrived=None, exchange="binance", symbol="BTC/USDT", **kw
):
  ts_event = when if arrived is None else arrived
  return Trade(
    exchange=exchange,
    symbol=symbol,
    ts_event=ts_event,
    ts_exchange=when,
    market_type=kw.pop("market_type", "spot"),
    price=price,
    size=size,
    **kw,
  )


def replay(spec, config, batches: Iterable[Batch]):
  """What a recording gives, as the pipeline plays it: on the data's clock, with timers that go off
  between the events where they are due."""
  clock = DataClock()
  transform = spec.make(config, context(clock))
  timed = hasattr(transform, "on_timer")
  out = []
  for batch in batches:
    start = 0
    for position, event in enumerate(batch):
      now = getattr(event, "ts_event", 0)
      if now <= clock.now_ms():
        continue
      if timed and (timer := transform.next_timer()) is not None and timer <= now:
        if position > start:
          out += transform(batch[start:position])
          start = position
        while (timer := transform.next_timer()) is not None and timer <= now:
          clock.advance(timer)
          out += transform.on_timer(timer)
      clock.advance(now)
    out += transform(batch[start:])
  if hasattr(transform, "finish"):
    out += transform.finish()
  return out


class Live:
  """A transform on a machine's clocks: events arrive, time passes, timers go off when due."""

  def __init__(self, spec, config, clock=None):
    self.clock = clock or HandClock()
    self.transform = spec.make(config, context(self.clock))
    self.out = []
    self.timers = 0

  def push(self, *events):
    self.out += self.transform(list(events))

  def run(self, ms):
    """Lets time pass, as a task that sleeps until the next timer."""
    end = self.clock.mono + ms
    while True:
      timer = self.transform.next_timer()
      left = end - self.clock.mono
      wait = left + 1 if timer is None else max(0, timer - self.clock.wall)
      if wait > left:
        self.clock.advance(left)
        return
      self.clock.advance(wait)
      self.timers += 1
      assert self.timers < 100_000, "the timers never come to rest"
      self.out += self.transform.on_timer(self.clock.wall)

  def take(self):
    out, self.out = self.out, []
    return out


def split(events, sizes):
  """The events in batches of the given sizes, over and over."""
  batches, start, turn = [], 0, 0
  while start < len(events):
    size = max(1, sizes[turn % len(sizes)])
    batches.append(events[start : start + size])
    start, turn = start + size, turn + 1
  return batches


@cache
def recorded():
  """Trades and quotes of the 2024 recording of Binance spot, as they were received. Quotes have no
  venue time, and the recorder's clock was 1.27 s behind the venue's."""
  if not SPOT.exists():
    pytest.skip(f"the recording {SPOT.name} is not beside the project")
  events = []
  with gzip.open(SPOT, "rt") as file:
    for line in file:
      stamp, _, frame = line.partition(" ")
      message = json.loads(frame)
      data = message.get("data", {})
      received = int(stamp)
      common = {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "market_type": "spot",
        "ts_event": received // 1_000_000,
        "ts_internal": received,
      }
      if data.get("e") == "trade":
        events.append(
          Trade(
            **common,
            ts_exchange=data["T"],
            price=float(data["p"]),
            size=float(data["q"]),
            trade_id=str(data["t"]),
            sequence=data["t"],
          )
        )
      elif message.get("stream", "").endswith("@bookTicker"):
        events.append(
          Ticker(**common, bid=float(data["b"]), ask=float(data["a"]), sequence=data["u"])
        )
  return events
