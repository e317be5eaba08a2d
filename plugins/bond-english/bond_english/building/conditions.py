"""Filters and bounds as expressions over events: sizes, sides, prices, moves."""

from typing import Any

from bond_english.building.context import BuildContext
from bond_english.meaning.sharing import Selection, Symbol
from bond_english.quantities.amounts import OF_EACH
from bond_english.words.assets import STABLE

_OPERATORS = (("min", ">="), ("max", "<="))


def trade_condition(context: BuildContext, selection: Selection) -> str:
  """The condition on trades, liquidations or funding rates; empty for none."""
  settings, kind = selection.settings, selection.kind
  parts: list[str] = []
  if kind == "funding":
    parts += _compared(selection, "rate", "rate")
  if kind in ("trades", "volume", "vwap"):
    side = settings.use("side")
    parts += [f"side == '{side}'"] if side else []
  if kind == "liquidations":
    position, side = settings.use("position"), settings.use("side")
    if position:
      # A long position is closed by a sale.
      parts.append(f"side == '{'sell' if position == 'long' else 'buy'}'")
    elif side:
      parts.append(f"side == '{side}'")
  if kind in ("trades", "liquidations"):
    parts += _sizes(context, selection)
  return " and ".join(parts)


def value_condition(context: BuildContext, selection: Selection, symbols: list[Symbol]) -> str:
  """The condition on the value of transfers of these symbols."""
  settings = selection.settings
  parts: list[str] = []
  for side, operator in _OPERATORS:
    amount = settings.use(f"{side}_amount")
    if amount is not None:
      other_units = any(symbol.pair.base != amount["unit"] for symbol in symbols)
      if other_units and amount["unit"] != OF_EACH:
        _add_no_conversion(context, amount["unit"])
      parts.append(f"value {operator} {number_text(amount['value'])}")
    worth = settings.use(f"{side}_notional_usd")
    if worth is not None:
      if not symbols or any(symbol.pair.base not in STABLE for symbol in symbols):
        context.spec.add_missing(
          "transfers by their worth in dollars: nothing installed prices them"
        )
      parts.append(f"value {operator} {number_text(worth)}")
    other = settings.use(f"{side}_notional")
    if other is not None:
      context.spec.add_missing(
        f"transfers by their worth in {other['unit']}: nothing installed prices them"
      )
  return " and ".join(parts)


def price_condition(selection: Selection, field: str) -> str:
  """The condition on the price in `field`; empty for none."""
  return " and ".join(_compared(selection, "price", field))


def move_condition(selection: Selection) -> str:
  """The condition on a window whose price moved far enough."""
  settings = selection.settings
  change = {"up": "price_close - price_open", "down": "price_open - price_close"}.get(
    settings.use("direction", "")
  )
  moved = "abs(price_close - price_open)" if change is None else f"({change})"
  return f"{moved} * 100 > {number_text(settings.use('min_move_pct'))} * price_open"


def number_text(value: float) -> str:
  """A number as expressions write it, without an exponent."""
  return f"{value:.12f}".rstrip("0").rstrip(".") or "0"


def _compared(selection: Selection, name: str, field: str) -> list[str]:
  compared = [(selection.settings.use(f"{side}_{name}"), operator) for side, operator in _OPERATORS]
  return [
    f"{field} {operator} {number_text(value)}" for value, operator in compared if value is not None
  ]


def _sizes(context: BuildContext, selection: Selection) -> list[str]:
  """Conditions on `size` (base) and on `price * size` (quote), where these have the bound's
  unit."""
  pairs = [symbol.pair for symbol in selection.symbols]
  settings = selection.settings
  inverse = "inverse" in selection.market_types or any(pair.inverse for pair in pairs)
  parts: list[str] = []
  for side, operator in _OPERATORS:
    amount: Any = settings.use(f"{side}_amount")
    if amount is not None:
      if any(pair.base != amount["unit"] for pair in pairs):
        _add_no_conversion(context, amount["unit"])
      parts.append(f"size {operator} {number_text(amount['value'])}")
    worth = settings.use(f"{side}_notional_usd")
    if worth is not None:
      if not inverse and any(pair.quote not in (None, *STABLE) for pair in pairs):
        _add_no_conversion(context, "US dollars")
      parts.append(f"price * size {operator} {number_text(worth)}")
    other = settings.use(f"{side}_notional")
    if other is not None:
      if any(pair.quote != other["unit"] for pair in pairs):
        _add_no_conversion(context, other["unit"])
      parts.append(f"price * size {operator} {number_text(other['value'])}")
  return parts


def _add_no_conversion(context: BuildContext, unit: str) -> None:
  context.spec.add_missing(
    f"sizes in {unit} of what is traded in something else: nothing installed converts them"
  )
