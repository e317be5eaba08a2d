"""Answers of a venue's REST that lack what a client may take for granted, or say it otherwise."""

from collections.abc import Callable
from typing import Any

import msgspec

HALTED = (
  (b'"TRADING"', b'"BREAK"'),
  (b'"live"', b'"suspend"'),
  (b'"Trading"', b'"Settling"'),
  (b'"online"', b'"offline"'),
  (b'"maxLeverage":', b'"isDelisted":true,"maxLeverage":'),
)
"""How venues write that a market is traded, and that it is not for now; Hyperliquid's perpetuals
are delisted then."""
_IDS = frozenset(("id", "a", "tradeId", "execId"))


def without_ids(body: bytes) -> bytes:
  """The JSON of an answer without the ids of its trades."""
  return _altered(body, _nameless)


def without_rows(body: bytes) -> bytes:
  """The JSON of an answer whose lists of rows are empty."""
  return _altered(body, _nothing)


def halted(body: bytes, name: str) -> bytes:
  """The answer with all markets as not trading, in the words of the venues that have them."""
  for trading, other in HALTED:
    body = body.replace(trading, other)
  return body


def delisted(body: bytes, name: str) -> bytes:
  """The JSON of an answer without the rows that have this name for one of their values."""

  def without(rows: list[Any]) -> list[Any]:
    return [row for row in rows if not (isinstance(row, dict) and name in row.values())]

  return _altered(body, without)


def _nameless(rows: list[Any]) -> list[Any]:
  return [
    {name: value for name, value in row.items() if name not in _IDS}
    if isinstance(row, dict)
    else row
    for row in rows
  ]


def _nothing(rows: list[Any]) -> list[Any]:
  return []


def _altered(body: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
  try:
    found = msgspec.json.decode(body)
  except msgspec.DecodeError:
    return body
  return msgspec.json.encode(_walk(found, change))


def _walk(value: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
  if isinstance(value, list):
    return change(value)
  if isinstance(value, dict):
    return {name: _walk(part, change) for name, part in value.items()}
  return value
