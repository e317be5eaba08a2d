"""Binance's control messages on a WebSocket: SUBSCRIBE and the rest, answered as documented
("Live Subscribing/Unsubscribing to streams" of both markets). No I/O."""

import re
from typing import Any

import msgspec

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

_TEXT_ID = re.compile(r"[A-Za-z0-9_-]{0,36}")


class BinanceControlError(Exception):
  """The error of a message that the venue refuses; `body` is its answer."""

  def __init__(self, code: int, message: str, answer_id: Any = None) -> None:
    super().__init__(message)
    self.body: dict[str, Any] = {"code": code, "msg": message}
    if answer_id is not None:
      self.body["id"] = answer_id


class BinanceControlMessage(msgspec.Struct):
  """A valid control message."""

  method: str
  params: list[Any]
  id: int | str | None


def read_message(data: bytes, *, spot: bool) -> BinanceControlMessage:
  """The control message in `data`. Raises BinanceControlError. Futures accept only unsigned
  integers as id, spot also texts of up to 36 characters and null."""
  try:
    raw = msgspec.json.decode(data)
  except (msgspec.DecodeError, UnicodeDecodeError):
    raise BinanceControlError(3, "Invalid JSON: expected value at line 1 column 1") from None
  if not isinstance(raw, dict) or "method" not in raw:
    raise BinanceControlError(
      2, f"Invalid request: missing field `method` at line 1 column {max(1, len(data))}"
    )
  method, message_id = raw["method"], raw.get("id")
  if method not in METHODS:
    expected = ", ".join(f"`{name}`" for name in METHODS)
    raise BinanceControlError(
      2,
      f"Invalid request: unknown variant `{method}`, expected one of {expected} "
      "at line 1 column 28",
    )
  if not _valid_id(message_id, spot=spot, present="id" in raw):
    raise BinanceControlError(2, "Invalid request: request ID must be an unsigned integer")
  params = raw.get("params", [])
  if not isinstance(params, list):
    raise BinanceControlError(2, "Invalid request: params must be a list")
  return BinanceControlMessage(method, params, message_id)


def _valid_id(value: Any, *, spot: bool, present: bool) -> bool:
  if isinstance(value, bool) or not present:
    return False
  if isinstance(value, int):
    return -(2**63) <= value < 2**63 if spot else 0 <= value < 2**64
  return spot and (value is None or (isinstance(value, str) and bool(_TEXT_ID.fullmatch(value))))


def stream_names(message: BinanceControlMessage) -> list[str]:
  """The streams that a SUBSCRIBE or UNSUBSCRIBE names, each once."""
  if not all(isinstance(name, str) for name in message.params):
    raise BinanceControlError(2, "Invalid request: stream names must be strings")
  return list(dict.fromkeys(message.params))


def property_value(message: BinanceControlMessage) -> bool | None:
  """The value that a SET_PROPERTY sets `combined` to, None for a GET_PROPERTY."""
  most = 2 if message.method == "SET_PROPERTY" else 1
  if not message.params or not isinstance(message.params[0], str):
    raise BinanceControlError(2, "Invalid request: property name must be a string")
  if len(message.params) > most:
    raise BinanceControlError(2, "Invalid request: too many parameters")
  if message.params[0] != "combined":
    raise BinanceControlError(0, "Unknown property", message.id)
  if most == 1:
    return None
  if len(message.params) < 2 or not isinstance(message.params[1], bool):
    raise BinanceControlError(1, "Invalid value type: expected Boolean")
  return message.params[1]
