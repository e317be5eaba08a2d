"""Messages that are about several products, and messages of which one row cannot be read."""

import re
from typing import Any

import msgspec

from bond_coinbase.messages import Named, decode_list, decode_named, decode_object
from bond_core.venues import UNREADABLE

NAMED = re.compile(rb'"product_id":\s?"([^"]+)"').search
_PRODUCT = b'"product_id"'
_ROWS = ("trades", "tickers", "candles")
_NOTHING = b""
"""In place of what does not say what it is about."""


def by_product(frame: bytes) -> list[bytes]:
  """The messages of one product each that a message is made of."""
  first = NAMED(frame)
  if first is None or frame.count(_PRODUCT) == frame.count(first[0]):
    return [frame]
  parts: dict[str, list[msgspec.Raw]] = {}
  try:
    message, events = _one_row_each(frame)
  except UNREADABLE:
    return [_NOTHING]
  for event in events:
    parts.setdefault(_product(event), []).append(event)
  return [_message(message, *part) if product else _NOTHING for product, part in parts.items()]


def by_row(frame: bytes) -> list[bytes]:
  """The message again and again, with one row each; none where it has no rows."""
  try:
    message, events = _one_row_each(frame)
  except UNREADABLE:
    return []
  return [_message(message, event) for event in events]


def products(event: msgspec.Raw) -> list[str]:
  """What an event is about. Raises UNREADABLE."""
  named = decode_named(event)
  rows: list[Named] = [named, *named.trades, *named.tickers, *named.candles]
  return [row.product for row in rows if row.product]


def _one_row_each(frame: bytes) -> tuple[dict[str, Any], list[msgspec.Raw]]:
  """A message, and its events with one row each. Raises UNREADABLE."""
  message = decode_object(frame)
  events: list[msgspec.Raw] = []
  for event in decode_list(message.get("events", b"[]")):
    try:
      fields = decode_object(event)
      name = next(name for name in _ROWS if name in fields)
      rows = decode_list(fields[name])
    except (*UNREADABLE, StopIteration):
      events.append(event)
      continue
    events += [msgspec.Raw(msgspec.json.encode({**fields, name: [row]})) for row in rows]
  return message, events


def _product(event: msgspec.Raw) -> str:
  """The product of an event with one row, "" where it does not say it."""
  try:
    return next(iter(products(event)), "")
  except UNREADABLE:
    return ""


def _message(message: dict[str, Any], *events: msgspec.Raw) -> bytes:
  return msgspec.json.encode({**message, "events": events})
