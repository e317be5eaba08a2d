"""Filters as expressions over events: sizes, sides, prices, moves."""

from typing import Any

from bond_english.binding import Item, Wish
from bond_english.order import Order, digits
from bond_english.words.assets import STABLE

_SIGNS = (("min", ">="), ("max", "<="))


def trade_condition(order: Order, wish: Wish) -> str:
  """What must hold of trades, liquidations and funding rates; empty for anything."""
  parts: list[str] = []
  bounds = order.bounds(wish)
  if wish.kind == "funding":
    parts += _simple(bounds, "rate", "rate")
  if wish.kind in ("trades", "volume", "vwap") and order.take("side"):
    parts.append(f"side == '{order.take('side')}'")
  if wish.kind == "liquidations":
    if order.take("position"):
      # Who is long is closed by a sale.
      parts.append(f"side == '{'sell' if order.take('position') == 'long' else 'buy'}'")
    elif order.take("side"):
      parts.append(f"side == '{order.take('side')}'")
  if wish.kind in ("trades", "liquidations"):
    parts += _sizes(order, wish, bounds)
  return " and ".join(parts)


def value_condition(order: Order, wish: Wish, items: list[Item]) -> str:
  """What must hold of the value of transfers."""
  parts: list[str] = []
  bounds = order.bounds(wish)
  for side, sign in _SIGNS:
    amount = bounds.get(f"{side}_amount")
    if amount is not None:
      if any(item.pair.base != amount["unit"] for item in items):
        _cannot_convert(order, amount["unit"])
      parts.append(f"value {sign} {digits(amount['value'])}")
    worth = bounds.get(f"{side}_notional_usd")
    if worth is not None:
      if not items or any(item.pair.base not in STABLE for item in items):
        order.recipe.lacks("transfers by their worth in dollars: nothing installed prices them")
      parts.append(f"value {sign} {digits(worth)}")
    other = bounds.get(f"{side}_notional")
    if other is not None:
      order.recipe.lacks(
        f"transfers by their worth in {other['unit']}: nothing installed prices them"
      )
  return " and ".join(parts)


def price_condition(order: Order, wish: Wish, field: str) -> str:
  """What must hold of a price."""
  return " and ".join(_simple(order.bounds(wish), "price", field))


def move_condition(order: Order) -> str:
  """What must hold of a window that moved far enough."""
  change = {"up": "price_close - price_open", "down": "price_open - price_close"}.get(
    order.take("direction", "")
  )
  moved = "abs(price_close - price_open)" if change is None else f"({change})"
  return f"{moved} * 100 > {digits(order.take('min_move_pct'))} * price_open"


def _simple(bounds: dict[str, Any], name: str, field: str) -> list[str]:
  named = [(bounds.get(f"{side}_{name}"), sign) for side, sign in _SIGNS]
  return [f"{field} {sign} {digits(value)}" for value, sign in named if value is not None]


def _sizes(order: Order, wish: Wish, bounds: dict[str, Any]) -> list[str]:
  parts: list[str] = []
  for side, sign in _SIGNS:
    amount = bounds.get(f"{side}_amount")
    if amount is not None:
      if any(item.pair.base != amount["unit"] for item in wish.items):
        _cannot_convert(order, amount["unit"])
      parts.append(f"size {sign} {digits(amount['value'])}")
    worth = bounds.get(f"{side}_notional_usd")
    if worth is not None:
      if any(item.pair.quote is not None and item.pair.quote not in STABLE for item in wish.items):
        _cannot_convert(order, "US dollars")
      parts.append(f"price * size {sign} {digits(worth)}")
    other = bounds.get(f"{side}_notional")
    if other is not None:
      if any(item.pair.quote != other["unit"] for item in wish.items):
        _cannot_convert(order, other["unit"])
      parts.append(f"price * size {sign} {digits(other['value'])}")
  return parts


def _cannot_convert(order: Order, unit: str) -> None:
  order.recipe.lacks(
    f"sizes in {unit} of what is traded in something else: nothing installed converts them"
  )
