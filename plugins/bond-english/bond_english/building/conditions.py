"""Filters and bounds as expressions over events: sizes, sides, prices, moves."""

from typing import Any

from bond_english.building.context import BuildContext
from bond_english.meaning.settings import Settings
from bond_english.meaning.sharing import Selection, Symbol
from bond_english.quantities.amounts import OF_EACH
from bond_english.words.assets import STABLE


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
    parts += [*_compared(selection, "price", "price"), *_sizes(context, selection)]
  return " and ".join(parts)


def value_condition(context: BuildContext, selection: Selection, symbols: list[Symbol]) -> str:
  """The condition on the value of transfers of these symbols."""
  settings = selection.settings
  amounts, low, high = _amounts(settings, "amount")
  for amount in amounts:
    other_units = any(symbol.pair.base != amount["unit"] for symbol in symbols)
    if other_units and amount["unit"] != OF_EACH:
      _add_no_conversion(context, amount["unit"])
  parts = _between("value", low, high)
  low, high = settings.use("min_notional_usd"), settings.use("max_notional_usd")
  worth = _between("value", low, high)
  if worth and (not symbols or any(symbol.pair.base not in STABLE for symbol in symbols)):
    context.spec.add_missing("transfers by their worth in dollars: nothing installed prices them")
  for other in _amounts(settings, "notional")[0]:
    context.spec.add_missing(
      f"transfers by their worth in {other['unit']}: nothing installed prices them"
    )
  return " and ".join([*parts, *worth])


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
  settings = selection.settings
  return _between(field, settings.use(f"min_{name}"), settings.use(f"max_{name}"))


def _between(field: str, low: float | None, high: float | None) -> list[str]:
  """From `low` up to `high`; where it is above that, from it on or up to the other. Negative is
  below nothing."""
  parts = [
    f"{field} {operator if value else operator[0]} {number_text(value)}"
    for operator, value in ((">=", low), ("<=", high))
    if value is not None
  ]
  outside = low is not None and high is not None and low > high
  return [f"({' or '.join(parts)})"] if outside else parts


def _sizes(context: BuildContext, selection: Selection) -> list[str]:
  """Conditions on `size` (base) and on `price * size` (quote), where these have the bound's
  unit."""
  pairs = [symbol.pair for symbol in selection.symbols]
  settings = selection.settings
  inverse = "inverse" in selection.market_types or any(pair.inverse for pair in pairs)
  amounts, low, high = _amounts(settings, "amount")
  for amount in amounts:
    if amount["unit"] != OF_EACH and any(pair.base != amount["unit"] for pair in pairs):
      _add_no_conversion(context, amount["unit"])
  parts = _between("size", low, high)
  worth = _between(
    "price * size", settings.use("min_notional_usd"), settings.use("max_notional_usd")
  )
  if worth and not inverse and any(pair.quote not in (None, *STABLE) for pair in pairs):
    _add_no_conversion(context, "US dollars")
  others, low, high = _amounts(settings, "notional")
  for other in others:
    if any(pair.quote != other["unit"] for pair in pairs):
      _add_no_conversion(context, other["unit"])
  return [*parts, *worth, *_between("price * size", low, high)]


def _amounts(
  settings: Settings, name: str
) -> tuple[list[dict[str, Any]], float | None, float | None]:
  """The bounds of a name that have a unit, and their lower and upper value."""
  found = [settings.use(f"{side}_{name}") for side in ("min", "max")]
  low, high = (None if amount is None else amount["value"] for amount in found)
  return [amount for amount in found if amount is not None], low, high


def _add_no_conversion(context: BuildContext, unit: str) -> None:
  context.spec.add_missing(
    f"sizes in {unit} of what is traded in something else: nothing installed converts them"
  )
