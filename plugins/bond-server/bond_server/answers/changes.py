"""What changed in a log between two of its numbers."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, get_args

import attrs
import trio

from bond_core import AnyEvent, Channel, Gap, Heartbeat, Instrument, Level, OrderBook, Ticker, Trade
from bond_core.logs import DurableLog
from bond_server.answers.freshness import rfc3339
from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import apart, row_of, tokens_of
from bond_server.market_state import MarketState

STEP: Final = 4_096
MAX_SCAN: Final = 50_000
"""Events that one answer looks at."""
MAX_MATCHED: Final = 20_000
MAX_LOSSES: Final = 200
GAPS_REMEMBERED: Final = 1_000
"""Declared losses that the state of the market has at most."""
STREAM_LIVE_MS: Final = 5_000

_EVENTS_ALL: Final = ("post", "chain", "custom", "window", "liquidation")
"""Channels of which each event is told, also in a summary."""


_PRICES: Final = frozenset(
  ("last", "mark", "index", "open_interest", "bid", "bid_size", "ask", "ask_size", "volume")
)


@attrs.define
class Found:
  """What was read up to `number`: the events that match with their numbers, as rows where each is
  told, and losses."""

  number: int
  matched: list[tuple[int, AnyEvent]] = attrs.field(factory=list)
  rows: list[dict[str, Any]] = attrs.field(factory=list)
  gaps: list[Gap] = attrs.field(factory=list)


async def read(
  log: DurableLog,
  start: int,
  end: int,
  picks: Callable[[AnyEvent], bool],
  concerned: Callable[[Gap], bool],
  *,
  events: bool,
  room: int,
) -> Found:
  """Reads from number `start` to `end`, or as far as one answer goes: with `events` until the rows
  fill the room."""
  found = Found(start - 1)
  scanned, full = 0, 0
  await trio.lowlevel.checkpoint()
  while found.number < end and scanned < MAX_SCAN and full <= room:
    records = await log.records(found.number + 1, STEP)
    if not records:
      found.number = end
      break
    for record in records:
      if record.first > end:
        found.number = end
        break
      if record.first > found.number + 1:
        found.gaps.append(_hole(found.number + 1, record.first - 1))
      for number, event in enumerate(record.events, record.first):
        if number > end:
          break
        found.number = number
        kind = type(event)
        if kind is Gap:
          if concerned(event) and len(found.gaps) < MAX_LOSSES:  # type: ignore[arg-type]
            found.gaps.append(event)  # type: ignore[arg-type]
        elif kind is not Heartbeat and picks(event) and not _repeats(event):
          found.matched.append((number, event))
          if events:
            found.rows.append(row_of(event))
            full += tokens_of(found.rows[-1])
            if full > room:
              return found
      scanned += len(record.events)
      if len(found.matched) >= MAX_MATCHED:
        return found
    await trio.lowlevel.checkpoint()
  return found


def _repeats(event: AnyEvent) -> bool:
  """Whether it says what was said before: a book that was written to the log again."""
  return type(event) is OrderBook and event.is_reset is False


def summary(
  matched: Sequence[tuple[int, AnyEvent]], state: MarketState | None, current: bool
) -> list[dict[str, Any]]:
  """A row for each channel of each market: its last event, how many there were, and for trades
  where the price went. Posts and the like are told one by one. `current` says that the state of the
  market is that of the last event."""
  groups: dict[tuple[object, ...], list[AnyEvent]] = {}
  rows: list[dict[str, Any]] = []
  for number, event in matched:
    kind = type(event)
    if kind.channel in _EVENTS_ALL:
      rows.append(row_of(event) | {"seq": number})
      continue
    key = (
      kind,
      getattr(event, "exchange", ""),
      event.symbol,
      getattr(event, "market_type", None),
      getattr(event, "expiry", None),
      getattr(event, "interval", None),
    )
    groups.setdefault(key, []).append(event)
  for events in groups.values():
    kind = type(events[-1])
    if kind is Trade:
      rows.append(_trades([event for event in events if isinstance(event, Trade)]))
    elif kind is OrderBook:
      rows.append(_book(events[-1], len(events), state if current else None))  # type: ignore[arg-type]
    elif kind is Ticker:
      rows.append(_ticker([event for event in events if isinstance(event, Ticker)]))
    else:
      rows.append(row_of(events[-1]) | {"count": len(events)})
  return rows


def _trades(trades: Sequence[Trade]) -> dict[str, Any]:
  last = trades[-1]
  prices = [trade.price for trade in trades]
  row = row_of(last)
  for name in (
    "price",
    "size",
    "side",
    "trade_id",
    "agg_trade_id",
    "match_id",
    "maker",
    "sequence",
  ):
    row.pop(name, None)
  return row | {
    "count": len(trades),
    "first": prices[0],
    "high": max(prices),
    "low": min(prices),
    "last": prices[-1],
    "volume": exact(sum((Decimal(repr(trade.size)) for trade in trades), Decimal(0))),
  }


def _ticker(tickers: Sequence[Ticker]) -> dict[str, Any]:
  """What the messages said last, each of which says a part."""
  row = row_of(tickers[-1])
  for name in Ticker.__struct_fields__:
    if name in _PRICES and name not in row:
      said = (value for t in reversed(tickers) if (value := getattr(t, name)) is not None)
      if (value := next(said, None)) is not None:
        row[name] = value
  row.pop("sequence", None)
  return row | {"count": len(tickers)}


def _book(last: OrderBook, count: int, state: MarketState | None) -> dict[str, Any]:
  row = apart({"channel": "orderbook", "exchange": last.exchange, "symbol": last.symbol})
  of = Instrument(last.exchange, last.market_type, last.symbol, last.expiry)
  row |= {"market_type": last.market_type} if last.market_type else {}
  book = None if state is None else state.book(of, 1)
  if book is not None:
    for side, levels in (("bid", book.bids), ("ask", book.asks)):
      if levels:
        row[side], row[f"{side}_size"] = levels[0]
  return row | {"count": count, "at": rfc3339(last.ts_event), "seq": last.seq_internal}


def _hole(first: int, last: int) -> Gap:
  return Gap(exchange="*", symbol="*", channel="*", reason="expired", from_seq=first, to_seq=last)


def channels_of(given: object) -> tuple[Channel, ...]:
  """The channels of these names; none for all. Raises QuestionRefused."""
  if given is None or given == []:
    return ()
  names = given if isinstance(given, list) else [given]
  known: tuple[Channel, ...] = get_args(Channel)
  found = tuple(channel for channel in known if channel in names)
  if len(found) != len(set(map(str, names))):
    raise QuestionRefused(422, f"channels are a list of {', '.join(known)}")
  return found


def filled(levels: Sequence[Level], amount: Decimal) -> dict[str, Any]:
  """What an order of `amount` that takes these levels costs, computed exactly; `average` is cut to
  17 digits."""
  left, cost, worst = amount, Decimal(0), None
  for price, size in levels:
    part = min(left, Decimal(repr(size)))
    cost += part * Decimal(repr(price))
    left -= part
    worst = price
    if not left:
      break
  taken = amount - left
  found: dict[str, Any] = {"size": exact(amount), "filled": exact(taken), "cost": exact(cost)}
  if taken:
    found |= {"average": float(cost / taken), "worst": worst}
  if left:
    found["note"] = "The book does not hold as much."
  return found


def exact(number: Decimal) -> float | int:
  """A decimal as the number that JSON shows."""
  return int(number) if number == number.to_integral_value() else float(number)


def shortened(row: dict[str, Any], room: int) -> dict[str, Any]:
  """A book's row with as many levels as fit, at least one."""
  bids, asks = row.get("bids", []), row.get("asks", [])
  levels = max(len(bids), len(asks))
  while levels > 1 and tokens_of({**row, "bids": bids[:levels], "asks": asks[:levels]}) > room // 2:
    levels = levels * 3 // 4
  return {
    **row,
    "bids": bids[:levels],
    "asks": asks[:levels],
    "levels_left_out": len(bids) - levels,
  }
