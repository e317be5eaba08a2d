"""What an event costs on its way through core.filter and core.window, and through the others."""

import gc
import random
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from bond_builtin.transforms import dedupe, filter as filter_, merge, project, sample, window

from bond_core._clock import DataClock
from bond_core._events import Batch, Ticker, Trade
from bond_core._spec.values import Duration
from bond_core._types.transform import TransformContext, TransformType

EVENTS = 100_000
BATCH = 64
ROUNDS = 5
BIG = "price * size > 100000"


def market() -> list[Batch]:
  """Batches of two venues and four markets, 20,000 events in a second of receive time, of which
  every other one is a quote without a venue time."""
  pick = random.Random(1)
  events: Batch = []
  for number in range(EVENTS):
    now = 1_700_000_000_000 + number // 20
    common: dict[str, Any] = {
      "exchange": pick.choice(["binance", "okx"]),
      "symbol": pick.choice(["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"]),
      "market_type": "spot",
      "ts_event": now,
      "ts_internal": now * 1_000_000,
    }
    if number % 2:
      events.append(Ticker(**common, bid=100.0, ask=100.5, sequence=number))
    else:
      events.append(
        Trade(
          **common,
          ts_exchange=now - pick.randrange(30),
          price=pick.uniform(60_000, 61_000),
          size=pick.uniform(0, 3),
          trade_id=str(number),
          sequence=number,
        )
      )
  return [events[start : start + BATCH] for start in range(0, EVENTS, BATCH)]


def measure(chain: Callable[[DataClock], Callable[[Batch], Batch]], batches: list[Batch]) -> float:
  """Nanoseconds an event, the best of several rounds."""
  best = float("inf")
  for _ in range(ROUNDS):
    clock = DataClock()
    run = chain(clock)
    gc.collect()
    begin = perf_counter()
    for batch in batches:
      clock.advance(batch[-1].ts_event)  # type: ignore[union-attr]
      run(batch)
    best = min(best, perf_counter() - begin)
  return best / sum(map(len, batches)) * 1e9


def alone(spec: TransformType, config: object) -> Callable[[DataClock], Callable[[Batch], Batch]]:
  """One transform."""
  return lambda clock: spec.make(config, TransformContext("bench", clock))


def filter_and_window(clock: DataClock) -> Callable[[Batch], Batch]:
  """What examples/btc-pulse.yaml does: half of the events pass the filter, all reach it."""
  keep = alone(filter_.TYPE, filter_.Filter(where="type == 'ticker' or price * size > 1000"))(clock)
  fold = alone(window.TYPE, window.Windows(every=Duration(1)))(clock)
  return lambda batch: fold(keep(batch))


def run() -> dict[str, Any]:
  """The figures; `value` is filter and window together."""
  batches = market()
  fields = {"notional": "price * size", "side": "side"}
  parts = {
    "filter": alone(filter_.TYPE, filter_.Filter(where=BIG)),
    "window": alone(window.TYPE, window.Windows(every=Duration(1))),
    "merge": alone(merge.TYPE, merge.Merge()),
    "dedupe": alone(dedupe.TYPE, dedupe.Dedupe()),
    "sample": alone(sample.TYPE, sample.Sample(every=Duration(1))),
    "project": alone(project.TYPE, project.Project(fields=fields)),
  }
  return {
    "value": round(measure(filter_and_window, batches)),
    "unit": "ns an event",
    "detail": {name: round(measure(chain, batches)) for name, chain in parts.items()},
    "python": sys.version.split()[0],
  }


if __name__ == "__main__":
  print(run())
