"""Windows as columns: a name once for all rows."""

from collections.abc import Sequence
from typing import Any, Final

import trio

from bond_core import AnyEvent, DataClock, Market, Trade, TransformContext, Window
from bond_core.config import parse_duration
from bond_core.logs import DurableLog
from bond_core.specs import structure
from bond_server.answers.freshness import rfc3339
from bond_server.answers.markets import is_of
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import quoted
from bond_server.answers.serving import AnswerServer

MAX_ROWS: Final = 500
MAX_SCAN: Final = 200_000
"""Events that one answer looks at."""
STEP: Final = 4_096
WINDOW: Final = "core.window"
LATENESS_MS: Final = 1_000

_NAMES: Final = {
  "window_start": "start",
  "symbol": "symbol",
  "price_open": "open",
  "price_high": "high",
  "price_low": "low",
  "price_close": "close",
  "price_avg": "mean",
  "vwap": "vwap",
  "volume_sum": "volume",
  "bid_avg": "bid",
  "ask_avg": "ask",
  "tweets": "posts",
  "onchain_count": "onchain",
  "onchain_value_sum": "onchain_value",
  "custom_count": "custom",
  "seq": "seq",
}


def span_of(given: object) -> float:
  """Seconds of a window, as in 5s. Raises QuestionRefused."""
  try:
    seconds = float(parse_duration("5s" if given is None else str(given)[:20]))
  except ValueError:
    seconds = 0.0
  if not 0.1 <= seconds <= 86_400:
    raise QuestionRefused(422, "every is between 100ms and 1d, such as 5s or 1m")
  return seconds


async def of_trades(
  server: AnswerServer, market: Market, venues: frozenset[str], span: float, most: int, end: int
) -> tuple[list[Window], int | None]:
  """The last windows of a market's trades that are closed, as the transform of every spec makes
  them, and from when on the log has them whole (epoch ms)."""
  log, every = server.log, round(span * 1000)
  now = server.clock.now_ms()
  lateness = min(LATENESS_MS, every)
  start = now - lateness - (most + 1) * every
  first = max(await log.find(start), end - MAX_SCAN, log.oldest)
  trades: list[AnyEvent] = []
  reaches: int | None = None
  while first <= end:
    records = await log.records(first, STEP)
    if not records:
      break
    for record in records:
      reaches = record.ts_ms if reaches is None else reaches
      first = record.last + 1
      trades += [
        event
        for event in record.events
        if type(event) is Trade and event.exchange in venues and is_of(market, event, "trades")
      ]
    await trio.lowlevel.checkpoint()
  if not trades or reaches is None:
    return [], reaches
  kind = server.registry.transform(WINDOW)
  symbols = sorted({event.symbol for event in trades})
  config, _ = structure({"every": span, "symbols": symbols}, kind.config)
  transform: Any = kind.make(config, TransformContext("window", DataClock(now)))
  made = [*transform(trades), *transform.on_timer(now)]
  whole_from = rfc3339(max(reaches, start) + every - 1)
  windows = [w for w in made if type(w) is Window and _moment(w.window_start) >= str(whole_from)]
  return windows[-most * len(symbols) :], max(reaches, start)


async def of_stream(log: DurableLog, market: Market | None, most: int) -> list[Window]:
  """The last windows of a stream."""
  found: list[Window] = []
  first = max(log.oldest, log.head - MAX_SCAN + 1)
  while first <= log.head:
    records = await log.records(first, STEP)
    if not records:
      break
    for record in records:
      first = record.last + 1
      found += [
        event
        for event in record.events
        if type(event) is Window and (market is None or is_of(market, event, "window"))
      ]
    found = found[-most:]
    await trio.lowlevel.checkpoint()
  return found


def as_columns(windows: Sequence[Window]) -> dict[str, list[Any]]:
  """A list for each field that has something in it."""
  columns: dict[str, list[Any]] = {}
  for field, name in _NAMES.items():
    values = [getattr(window, field) for window in windows]
    if any(value not in (None, 0, 0.0) for value in values):
      columns[name] = [quoted(value) for value in values]
  traded = [window.raw_data.get("trades") for window in windows]
  if any(traded):
    columns["trades"] = traded
  for mark in ("incomplete", "simulated", "late"):
    values = [window.raw_data.get(mark) for window in windows]
    if any(values):
      columns[mark] = quoted(values)
  return columns


def _moment(text: str) -> str:
  """A time of a window with milliseconds, so that texts compare as times do."""
  return text if "." in text else text.replace("Z", ".000Z")
