"""How market data leaves the spec: each event, samples at the interval, or windows."""

from bond_english.building.bars import add_bar_branch
from bond_english.building.conditions import move_condition, price_condition
from bond_english.building.context import BuildContext
from bond_english.building.spec_draft import EACH, SAMPLE, WINDOW, Branch, Output
from bond_english.meaning.binding import Selection
from bond_english.quantities.durations import duration_text
from bond_english.quantities.numbers import integral
from bond_english.words import data

_BBO_METRICS = {"spread": "ask - bid", "mid": "(bid + ask) / 2"}


def purpose(context: BuildContext, selection: Selection, where: str) -> str:
  """A key of what is done to the events, as far as it differs between kinds of one channel."""
  filters, kind = context.filters, selection.kind
  own_window = kind in data.WINDOWED and filters.has("window_sec")
  moves = kind == "price" and (filters.has("min_move_pct") or filters.bounds_on(selection))
  own = kind if own_window or moves or kind == "ohlc" else ""
  return f"{own} {kind in data.SAMPLED} {where}"


def add_market_branch(
  context: BuildContext,
  selection: Selection,
  channel: str,
  source: str,
  symbols: tuple[str, ...],
  where: str,
) -> None:
  """Adds the branch of a market source with the condition `where`; windows of a figure have a
  length of their own."""
  filters, kind, spec = context.filters, selection.kind, context.spec
  if kind == "ohlc":
    add_bar_branch(context, selection, channel, source, symbols)
  elif kind == "price" and filters.has("min_move_pct"):
    window = filters.use("window_sec")
    if window is not None:
      condition = move_condition(context)
      spec.branches.append(
        Branch(source, WINDOW, integral(window), window_where=condition, symbols=symbols)
      )
  elif kind == "volume" and channel == "ticker":
    output: Output = EACH if context.interval == 0 else SAMPLE
    spec.branches.append(Branch(source, output, context.interval, symbols=symbols))
  elif kind in data.WINDOWED and filters.has("window_sec"):
    window = integral(filters.use("window_sec"))
    _check_interval(context, kind, window)
    spec.branches.append(Branch(source, WINDOW, window, where, symbols=symbols))
  elif kind == "price" and filters.bounds_on(selection):
    if context.interval:
      branch = context.add_branch(selection, source, symbols)
      branch.window_where = price_condition(context, selection, "price_close")
    elif channel == "trades":
      condition = price_condition(context, selection, "price")
      context.add_branch(selection, source, symbols, where=condition)
  else:
    branch = context.add_branch(selection, source, symbols, where=where)
    if kind == "bbo":
      branch.fields = _bbo_fields(context)


def _check_interval(context: BuildContext, kind: str, window: float) -> None:
  """Says that a figure comes once a window, where the request has another interval."""
  requested = context.requested_interval
  if not requested or requested == window:
    return
  label, length = data.KINDS[kind].label, duration_text(window)
  if any(other.kind not in data.WINDOWED for other in context.selections):
    context.findings.note(f"{label} comes every {length}")
  else:
    context.spec.add_missing(
      f"{label} of {length} every {duration_text(requested)}: nothing installed has windows that "
      f"overlap; it can be had every {length}"
    )


def _bbo_fields(context: BuildContext) -> dict[str, str]:
  """What is computed from the best bid and ask: spread, mid price; empty for neither."""
  metrics = context.filters.use_list("metric")
  computed = {name: source for name, source in _BBO_METRICS.items() if name in metrics}
  return {"bid": "bid", "ask": "ask"} | computed if computed else {}
