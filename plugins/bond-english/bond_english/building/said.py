"""Filters as sentences have them: worth ≥ $1,000, sells only, depth 20."""

from collections.abc import Iterable
from typing import Any

from bond_english.quantities.durations import duration_text

_SIGNS = {"min": "≥", "max": "≤"}
_STRICT = {"≥": ">", "≤": "<"}
_EVENTS = {"tx": "transactions", "mempool": "mempool", "account": "balances"}
_PLURALS = {"buy": "buys", "sell": "sells", "long": "longs", "short": "shorts"}


def conditions_said(settings: Iterable[tuple[str, Any]]) -> list[str]:
  """Each filter that narrows the events down, once."""
  found = list(settings)
  values = dict(found)
  # At ≥ 3,500 or ≤ 3,000: what is outside of two bounds.
  upper = {name: name.replace("min_", "max_", 1) for name in values if name.startswith("min_")}
  outside = {
    low: high
    for low, high in upper.items()
    if high in values and _value(values[low]) > _value(values[high])
  }
  said = [
    f"{_said(name, value)} or {_said(outside[name], values[outside[name]])}"
    if name in outside
    else _said(name, value)
    for name, value in found
    if name not in outside.values()
  ]
  return list(dict.fromkeys(filter(None, said)))


def _value(amount: Any) -> float:
  return float(amount["value"] if isinstance(amount, dict) else amount)


def _said(name: str, value: Any) -> str:
  side, _, what = name.partition("_")
  if side in _SIGNS and what in ("amount", "notional_usd", "notional", "price", "rate"):
    return _bound(_SIGNS[side], what, value)
  if name in ("side", "position"):
    return f"{_PLURALS[value]} only"
  if name == "depth":
    return f"depth {value}"
  if name == "closed":
    return "closed only"
  if name == "min_move_pct":
    return f"moves over {value:g}%"
  if name == "direction" and value in ("up", "down", "in", "out"):
    return {"in": "incoming", "out": "outgoing"}.get(value, f"{value} only")
  if name == "event_types":
    return " and ".join(_EVENTS.get(event, f"{event}s") for event in value if event != "metric")
  if name == "authors":
    return f"from {', '.join(f'@{author}' for author in value)}"
  if name == "query":
    return f"with {value!r}"
  if name == "lang":
    return f"language {value}"
  if name in ("account", "address", "mint", "provider"):
    return f"{name} {value}"
  return f"window {duration_text(value)}" if name == "window_sec" else ""


def _bound(sign: str, what: str, value: Any) -> str:
  if what == "notional_usd":
    return f"worth {sign} ${_number(value)}"
  if what == "notional":
    return f"worth {sign} {_number(value['value'])} {value['unit']}"
  if what == "amount":
    return f"of {sign} {_number(value['value'])} {value['unit']}"
  if what == "rate":
    return f"rate {sign if value else _STRICT[sign]} {value * 100:g}%"
  return f"at {sign} {_number(value)}"


def _number(value: float) -> str:
  return f"{value:,.8f}".rstrip("0").rstrip(".")
