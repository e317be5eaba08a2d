"""Filters and bounds as expressions over events: sizes, sides, prices, moves."""

from typing import Any

from bond_english.building.context import BuildContext
from bond_english.meaning.binding import Selection, Symbol
from bond_english.words.assets import STABLE

_OPERATORS = (("min", ">="), ("max", "<="))


def trade_condition(context: BuildContext, selection: Selection) -> str:
  """The condition on trades, liquidations or funding rates; empty for none."""
  filters, kind = context.filters, selection.kind
  parts: list[str] = []
  bounds = filters.bounds_on(selection)
  if kind == "funding":
    parts += _compared(bounds, "rate", "rate")
  if kind in ("trades", "volume", "vwap") and filters.use("side"):
    parts.append(f"side == '{filters.use('side')}'")
  if kind == "liquidations":
    if filters.use("position"):
      # A long position is closed by a sale.
      parts.append(f"side == '{'sell' if filters.use('position') == 'long' else 'buy'}'")
    elif filters.use("side"):
      parts.append(f"side == '{filters.use('side')}'")
  if kind in ("trades", "liquidations"):
    parts += _sizes(context, selection, bounds)
  return " and ".join(parts)


def value_condition(context: BuildContext, selection: Selection, symbols: list[Symbol]) -> str:
  """The condition on the value of transfers of these symbols."""
  parts: list[str] = []
  bounds = context.filters.bounds_on(selection)
  for side, operator in _OPERATORS:
    amount = bounds.get(f"{side}_amount")
    if amount is not None:
      if any(symbol.pair.base != amount["unit"] for symbol in symbols):
        _add_no_conversion(context, amount["unit"])
      parts.append(f"value {operator} {number_text(amount['value'])}")
    worth = bounds.get(f"{side}_notional_usd")
    if worth is not None:
      if not symbols or any(symbol.pair.base not in STABLE for symbol in symbols):
        context.spec.add_missing(
          "transfers by their worth in dollars: nothing installed prices them"
        )
      parts.append(f"value {operator} {number_text(worth)}")
    other = bounds.get(f"{side}_notional")
    if other is not None:
      context.spec.add_missing(
        f"transfers by their worth in {other['unit']}: nothing installed prices them"
      )
  return " and ".join(parts)


def price_condition(context: BuildContext, selection: Selection, field: str) -> str:
  """The condition on the price in `field`; empty for none."""
  return " and ".join(_compared(context.filters.bounds_on(selection), "price", field))


def move_condition(context: BuildContext) -> str:
  """The condition on a window whose price moved far enough."""
  filters = context.filters
  change = {"up": "price_close - price_open", "down": "price_open - price_close"}.get(
    filters.use("direction", "")
  )
  moved = "abs(price_close - price_open)" if change is None else f"({change})"
  return f"{moved} * 100 > {number_text(filters.use('min_move_pct'))} * price_open"


def number_text(value: float) -> str:
  """A number as expressions write it, without an exponent."""
  return f"{value:.12f}".rstrip("0").rstrip(".") or "0"


def _compared(bounds: dict[str, Any], name: str, field: str) -> list[str]:
  compared = [(bounds.get(f"{side}_{name}"), operator) for side, operator in _OPERATORS]
  return [
    f"{field} {operator} {number_text(value)}" for value, operator in compared if value is not None
  ]


def _sizes(context: BuildContext, selection: Selection, bounds: dict[str, Any]) -> list[str]:
  """Conditions on `size` (base) and on `price * size` (quote), where these have the bound's
  unit."""
  pairs = [symbol.pair for symbol in selection.symbols]
  parts: list[str] = []
  for side, operator in _OPERATORS:
    amount = bounds.get(f"{side}_amount")
    if amount is not None:
      if any(pair.base != amount["unit"] for pair in pairs):
        _add_no_conversion(context, amount["unit"])
      parts.append(f"size {operator} {number_text(amount['value'])}")
    worth = bounds.get(f"{side}_notional_usd")
    if worth is not None:
      if any(pair.quote is not None and pair.quote not in STABLE for pair in pairs):
        _add_no_conversion(context, "US dollars")
      parts.append(f"price * size {operator} {number_text(worth)}")
    other = bounds.get(f"{side}_notional")
    if other is not None:
      if any(pair.quote != other["unit"] for pair in pairs):
        _add_no_conversion(context, other["unit"])
      parts.append(f"price * size {operator} {number_text(other['value'])}")
  return parts


def _add_no_conversion(context: BuildContext, unit: str) -> None:
  context.spec.add_missing(
    f"sizes in {unit} of what is traded in something else: nothing installed converts them"
  )
