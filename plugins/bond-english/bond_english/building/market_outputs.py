"""How market data leaves the spec: each event, samples at the interval, or windows.

Venues are not blended unless the request says so: windows of different venues are apart from each
other. What cannot be had at an interval without being turned into sums and counts, as liquidations,
comes each as it happens, and its counts besides.
"""

from dataclasses import dataclass

from bond_english.building.bars import add_bar_branch
from bond_english.building.conditions import move_condition, price_condition
from bond_english.building.context import BuildContext
from bond_english.building.how_often import default_interval
from bond_english.building.spec_draft import CONSOLIDATE, EACH, SAMPLE, WINDOW, Branch, Output
from bond_english.meaning.sharing import Selection
from bond_english.quantities.durations import duration_text
from bond_english.quantities.numbers import integral
from bond_english.words import data

_BBO_METRICS = {"spread": "ask - bid", "mid": "(bid + ask) / 2"}


@dataclass(frozen=True, slots=True)
class Delivery:
  """How a selection is delivered: `requested` is its interval in seconds, None where the request
  has none. `by_sample` says that its prices come as quotes, since windows would mix markets."""

  selection: Selection
  requested: float | None
  by_sample: bool = False

  @property
  def interval(self) -> float:
    """The interval that the stream gets in seconds, 0 for every update."""
    return default_interval(self.selection) if self.requested is None else self.requested


def purpose(delivery: Delivery, where: str) -> str:
  """A key of what is done to the events, as far as it differs between kinds of one channel."""
  selection, kind = delivery.selection, delivery.selection.kind
  own_window = kind in data.WINDOWED and selection.settings.has("window_sec")
  bounded = any(name.endswith("_price") for name, _ in selection.settings.plain())
  moves = kind == "price" and (selection.settings.has("min_move_pct") or bounded)
  one_book = selection.settings.has("metric") and kind == "orderbook"
  own = kind if own_window or moves or kind == "ohlc" or one_book else ""
  apart = f"{delivery.interval} {selection.blended} {delivery.by_sample}"
  return f"{own} {kind in data.SAMPLED} {where} {apart}"


def add_market_branch(
  context: BuildContext,
  delivery: Delivery,
  channel: str,
  source: str,
  symbols: tuple[str, ...],
  where: str,
  length: float,
  venue: str,
) -> None:
  """Adds the branches of a market source with the condition `where`."""
  selection, requested = delivery.selection, delivery.requested
  kind, settings = selection.kind, selection.settings
  group = "" if selection.blended else venue
  if kind == "ohlc":
    add_bar_branch(context, selection, channel, source, symbols, length, requested, group)
  elif settings.has("min_move_pct"):
    _add_move(context, delivery, source, symbols, group)
  elif kind == "orderbook" and "consolidated" in settings.use_list("metric"):
    branch = context.add_branch(
      selection, source, CONSOLIDATE, every=requested or 0.0, symbols=symbols
    )
    branch.depth = settings.use("depth")
  elif kind == "price":
    _add_price(context, delivery, channel, source, symbols, group)
  elif kind == "volume" and channel == "ticker":
    _add_sampled(context, delivery, source, symbols, where)
  elif kind in data.WINDOWED:
    window = settings.use("window_sec") if settings.has("window_sec") else None
    every = integral(window) if window is not None else delivery.interval
    if window is not None:
      _check_interval(context, delivery, every)
    if every:
      context.add_branch(
        selection, source, WINDOW, every=every, where=where, symbols=symbols, group=group
      )
    else:
      context.add_branch(selection, source, EACH, where=where, symbols=symbols)
  elif kind in ("trades", "liquidations"):
    _add_events(context, delivery, source, symbols, where, group)
  elif kind == "bbo" and selection.blend and delivery.requested:
    if settings.use_list("metric"):
      context.findings.note("the average spread is ask_avg less bid_avg of each row")
    context.add_branch(
      selection, source, WINDOW, every=delivery.requested, symbols=symbols, group=group
    )
  else:
    branch = _add_sampled(context, delivery, source, symbols, where)
    if kind == "bbo":
      branch.fields = _bbo_fields(selection)


def _add_sampled(
  context: BuildContext, delivery: Delivery, source: str, symbols: tuple[str, ...], where: str
) -> Branch:
  output: Output = SAMPLE if delivery.interval else EACH
  return context.add_branch(
    delivery.selection, source, output, every=delivery.interval, where=where, symbols=symbols
  )


def _add_events(
  context: BuildContext,
  delivery: Delivery,
  source: str,
  symbols: tuple[str, ...],
  where: str,
  group: str,
) -> None:
  """Trades are summed up where an interval is said; liquidations come each, with their number
  besides."""
  selection = delivery.selection
  counted = bool(selection.count)
  every = delivery.requested or (60.0 if counted else 0.0)
  if selection.settings.has("window_sec"):
    every = integral(selection.settings.use("window_sec"))
  if every:
    context.add_branch(
      selection, source, WINDOW, every=every, where=where, symbols=symbols, group=group
    )
  if not every or (selection.kind == "liquidations" and not counted):
    context.add_branch(selection, source, EACH, where=where, symbols=symbols)


def _add_price(
  context: BuildContext,
  delivery: Delivery,
  channel: str,
  source: str,
  symbols: tuple[str, ...],
  group: str,
) -> None:
  selection, interval = delivery.selection, delivery.interval
  settings = selection.settings
  if delivery.by_sample:
    condition = price_condition(selection, "(bid + ask) / 2")
    _add_sampled(context, delivery, source, symbols, condition)
    return
  if settings.has("window_sec"):
    interval = integral(settings.use("window_sec"))
    _check_interval(context, delivery, interval)
  if interval:
    context.add_branch(
      selection,
      source,
      WINDOW,
      every=interval,
      window_where=price_condition(selection, "price_close"),
      symbols=symbols,
      group=group,
    )
    return
  condition = price_condition(selection, "price")
  if not condition or channel == "trades":
    context.add_branch(selection, source, EACH, where=condition, symbols=symbols)


def _add_move(
  context: BuildContext, delivery: Delivery, source: str, symbols: tuple[str, ...], group: str
) -> None:
  selection = delivery.selection
  settings, label = selection.settings, data.KINDS[selection.kind].label
  move = settings.use("min_move_pct")
  settings.use("direction")
  if selection.kind not in ("price", "trades"):
    settings.use("window_sec")
    context.findings.ask(
      f"Moves of {label} are not offered, only those of the price; the {label} itself, every 1 min?"
    )
    context.add_branch(selection, source, EACH, symbols=symbols)
  elif not settings.has("window_sec"):
    context.findings.ask(f"A move of {move:g}% within what time, for example a minute?")
  else:
    window = integral(settings.use("window_sec"))
    context.add_branch(
      selection,
      source,
      WINDOW,
      every=window,
      window_where=move_condition(selection),
      symbols=symbols,
      group=group,
    )


def _check_interval(context: BuildContext, delivery: Delivery, window: float) -> None:
  """Says that a figure comes once a window, where the request has another interval."""
  requested = delivery.requested
  if not requested or requested == window:
    return
  label, length = data.KINDS[delivery.selection.kind].label, duration_text(window)
  if any(other.kind not in data.WINDOWED for other in context.selections):
    context.findings.note(f"{label} comes every {length}")
  else:
    context.spec.add_missing(
      f"{label} of {length} every {duration_text(requested)}: nothing installed has windows that "
      f"overlap; it can be had every {length}"
    )


def _bbo_fields(selection: Selection) -> dict[str, str]:
  """What is computed from the best bid and ask: spread, mid price; empty for neither."""
  metrics = selection.settings.use_list("metric")
  computed = {name: source for name, source in _BBO_METRICS.items() if name in metrics}
  return {"bid": "bid", "ask": "ask"} | computed if computed else {}
