"""Sides of orders."""

from bond_core import Side

_OPPOSITE: dict[Side, Side] = {"buy": "sell", "sell": "buy", "unknown": "unknown"}


def opposite(side: Side) -> Side:
  """The other side, as of the order that closes a position."""
  return _OPPOSITE[side]
