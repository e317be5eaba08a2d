"""What a server says of itself, as `bond top` shows it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import attrs
from bond_commandkit.columns import (
  Column,
  cell,
  in_columns,
  short_count,
  short_rate,
  short_time,
)
from rich.text import Text

from bond_core.config import counted

Figures = Mapping[str, Any]

_WELL = {"live": "green", "quiet": "green", "simulated": "yellow", "replay": "yellow"}
_FEW = 6
"""Rows of sources, of made streams and of clients; the streams of the market have the rest."""
_LEAST = 3


@attrs.frozen(kw_only=True)
class Look:
  """The answers of its routes at a moment: /health, the broker's figures, and those of the streams
  that the caller made. `unseen` says why the broker's are not there."""

  at: float
  health: Figures
  broker: Figures = attrs.field(factory=dict)
  made: Figures = attrs.field(factory=dict)
  unseen: str = ""

  def as_data(self) -> dict[str, Any]:
    """The answers for JSON."""
    return {"health": self.health, "broker": self.broker, "made": self.made}


def picture(
  url: str,
  now: Look,
  before: Look | None,
  width: int,
  height: int | None = None,
  problem: str = "",
) -> list[Text]:
  """A look as lines of at most `width` cells, as many as fit. Rates are since the look `before`."""
  head = [cell(url, "bold"), cell("  ".join(_summary(now)))]
  reasons = (problem, now.unseen, now.broker.get("log", {}).get("failure"))
  head += [cell(reason, "red") for reason in reasons if reason]
  for line in head:
    line.truncate(width, overflow="ellipsis")
  market, others = _market(now, before), [_sources(now), _made(now, before), _clients(now)]
  few = [section.lines(width, None if height is None else _FEW) for section in others]
  room = None if height is None else max(height - len(head) - sum(map(len, few)) - 3, _LEAST)
  sources, *rest = few
  parts = (head, sources, market.lines(width, room), *rest)
  return [line for part in parts for line in part]


@attrs.frozen
class _Section:
  """A table with a blank line above it; nothing where it has no rows."""

  what: str
  columns: tuple[Column, ...]
  rows: Sequence[Sequence[Text]]

  def lines(self, width: int, most: int | None) -> list[Text]:
    if not self.rows:
      return []
    table = in_columns(self.columns, self.rows[:most], width)
    lines = [cell(""), *(line for row in table for line in row)]
    if (more := len(self.rows) - len(table) + 1) > 0:
      lines.append(cell(f"… and {counted(more, f'more {self.what}')}", "dim"))
    return lines


def _summary(now: Look) -> Iterator[str]:
  broker = now.broker
  if not broker:
    return
  yield f"up {short_time(broker['uptime'])}"
  yield short_rate(broker["messages_per_second"])
  yield f"{counted(broker['clients'], 'client')}"
  yield f"{short_count(broker['clients_behind'])} behind"
  yield f"largest lag {short_count(broker['lag_max'])}"
  yield f"lost {short_count(broker['lost'])}"
  if (slowest := broker["latency_ms"]["receive"]["p99"]) is not None:
    yield f"p99 {slowest:g} ms"


def _sources(now: Look) -> _Section:
  columns = (
    Column("source", 6),
    Column("state", 5),
    Column("age", 4, figures=True),
    Column("gaps", 4, figures=True),
    Column("clock", 6, figures=True),
    Column("", 1),
  )
  ages: dict[str, int] = {}
  for stream in now.broker.get("streams", ()):
    name, age = stream["exchange"], stream["age_ms"]
    ages[name] = min(age, ages.get(name, age))
  gaps: Counter[str] = Counter()
  for gap in now.broker.get("gaps", ()):
    gaps[gap["exchange"]] += gap["count"]
  reasons = {one["exchange"]: one["reason"] for one in now.health.get("notices", ())}
  skews = now.broker.get("skew_ms", {})
  rows = []
  for name, state in now.health["sources"].items():
    age, skew = ages.get(name), skews.get(name)
    cells = (
      cell(name),
      cell(state, _WELL.get(state, "bold red")),
      cell("-" if age is None else short_time(age / 1_000)),
      cell(short_count(gaps[name]), "red" if gaps[name] else ""),
      cell("-" if skew is None else f"{skew:+.0f}ms"),
      cell(reasons.get(name) or ""),
    )
    rows.append(cells)
  return _Section("source", columns, rows)


def _market(now: Look, before: Look | None) -> _Section:
  columns = (
    Column("venue", 5),
    Column("symbol", 8),
    Column("market", 4),
    Column("channel", 6),
    Column("rate", 7, figures=True),
    Column("age", 4, figures=True),
    Column("events", 6, figures=True),
    Column("resyncs", 7, figures=True),
  )
  key = itemgetter("exchange", "symbol", "market_type", "channel")
  streams = list(now.broker.get("streams", ()))
  rates = _rates(now, before, lambda look: look.broker.get("streams", ()), key, "events")
  streams.sort(key=lambda one: (-(rates.get(key(one)) or 0.0), *map(str, key(one))))
  rows = [
    [
      *(cell(part or "") for part in key(one)),
      cell("-" if (rate := rates.get(key(one))) is None else short_rate(rate)),
      cell(short_time(one["age_ms"] / 1_000)),
      cell(short_count(one["events"])),
      cell("" if one["resyncs"] is None else short_count(one["resyncs"])),
    ]
    for one in streams
  ]
  return _Section("stream", columns, rows)


def _made(now: Look, before: Look | None) -> _Section:
  columns = (
    Column("made stream", 11),
    Column("rate", 7, figures=True),
    Column("in", 5, figures=True),
    Column("out", 5, figures=True),
    Column("dropped", 7, figures=True),
    Column("p95", 6, figures=True),
    Column("up", 4, figures=True),
  )
  rates = _rates(
    now, before, lambda look: look.made.get("per_stream", ()), itemgetter("stream_id"), "msgs_out"
  )
  rows = []
  for one in now.made.get("per_stream", ()):
    rate, late = rates.get(one["stream_id"]), one["latency_p95_ms"]
    cells = (
      cell(one["stream_id"], "yellow" if one["simulated"] else ""),
      cell("-" if rate is None else short_rate(rate)),
      cell(short_count(one["msgs_in"])),
      cell(short_count(one["msgs_out"])),
      cell(short_count(one["dropped"]), "red" if one["dropped"] else ""),
      cell("-" if late is None else f"{late:.3g}ms"),
      cell(short_time(one["uptime_sec"])),
    )
    rows.append(cells)
  return _Section("made stream", columns, rows)


def _clients(now: Look) -> _Section:
  columns = (
    Column("client", 6, figures=True),
    Column("state", 9),
    Column("lag", 5, figures=True),
    Column("unsent", 6, figures=True),
    Column("lost", 5, figures=True),
    Column("conflated", 6, figures=True),
    Column("subs", 4, figures=True),
    Column("sent", 5, figures=True),
    Column("up", 4, figures=True),
  )
  rows = [
    (
      cell(str(one["id"])),
      cell(one["state"], "green" if one["state"] == "live" else "yellow"),
      cell(short_count(one["lag"])),
      cell(short_count(one["unsent_bytes"])),
      cell(short_count(one["lost"]), "red" if one["lost"] else ""),
      cell(short_count(one["conflated"])),
      cell(short_count(one["subscriptions"])),
      cell(short_count(one["sent"])),
      cell(short_time(one["connected_sec"])),
    )
    for one in now.broker.get("slowest", ())
  ]
  return _Section("client", columns, rows)


def _rates(
  now: Look,
  before: Look | None,
  listed: Callable[[Look], Iterable[Figures]],
  key: Callable[[Figures], Any],
  count: str,
) -> dict[Any, float]:
  """How many a second came between two looks; none of what the earlier one did not have, or had
  more of, as where the server was started again."""
  if before is None:
    return {}
  earlier = {key(one): one[count] for one in listed(before)}
  return {
    key(one): (one[count] - was) / (now.at - before.at)
    for one in listed(now)
    if (was := earlier.get(key(one))) is not None and was <= one[count]
  }
