"""The forms in which an event goes to clients, as JSON bytes and as WebSocket frames."""

from typing import Any

import msgspec
from msgspec.structs import replace

from bond_broker.protocol.filters import Filter
from bond_broker.protocol.unwritable import unwritable
from bond_core import AnyEvent, Consolidated, Heartbeat, Window, encode
from bond_core.websockets import text_frame

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def full(event: AnyEvent) -> bytes:
  """Every key present. The venue's own message, which the struct may carry, has a message of its
  own and is null here. An event that JSON cannot hold, because a plugin put something else into it,
  is declared as a gap."""
  try:
    # The path of nearly every event. An attribute is 40 ns quicker than getattr with a default.
    if event.raw is None and type(event) is not Consolidated:  # type: ignore[union-attr]
      return encode(event)
  except Exception:
    # A window or a gap has no such field, and what cannot be written is declared below.
    return _of_any(event)
  return _of_any(event)


def _of_any(event: AnyEvent) -> bytes:
  try:
    if type(event) is Consolidated:
      return _of_consolidated(event)
    if getattr(event, "raw", None) is None or type(event) is Heartbeat:
      return encode(event)
    # A copy: others read the same event, some in other threads.
    return encode(replace(event, raw=None))
  except Exception as exc:  # what a plugin's own objects raise when they are read may be anything
    return encode(unwritable(event, exc))


# Clients know a consolidated book as an order book of every exchange.
_CONSOLIDATED = b'{"type":"consolidated",'


def _of_consolidated(event: Consolidated) -> bytes:
  return b'{"type":"orderbook",' + encode(event)[len(_CONSOLIDATED) :]


def compact(event: AnyEvent) -> bytes:
  """Without the keys that are null."""
  return _encode(_without_nulls(_decode(full(event))))


def _without_nulls(message: dict[str, Any]) -> dict[str, Any]:
  return {key: value for key, value in message.items() if value is not None}


def raw(event: AnyEvent, *, compact: bool = False) -> bytes | None:
  """The venue's own message, as a message that follows the event; None where the source did not
  keep it. What is JSON stays as it was, byte for byte; other text is a text, and what is neither is
  base64."""
  own = getattr(event, "raw", None)
  if own is None or type(event) is Heartbeat:
    return None
  message = {
    "type": "raw",
    "exchange": event.exchange,  # type: ignore[union-attr]
    "symbol": event.symbol,
    "ts_event": event.ts_event,  # type: ignore[union-attr]
    "ts_exchange": event.ts_exchange,  # type: ignore[union-attr]
    "market_type": event.market_type,  # type: ignore[union-attr]
    "raw": None,
    "ts_internal": event.ts_internal,  # type: ignore[union-attr]
    "seq_internal": event.seq_internal,  # type: ignore[union-attr]
  }
  if compact:
    message = _without_nulls(message)
  if event.simulated:  # type: ignore[union-attr]
    message["simulated"] = True
  try:
    return _encode({**message, "payload": _payload(own)})
  except Exception as exc:
    return encode(unwritable(event, exc, channel="raw"))


def _payload(own: object) -> object:
  """A venue's message as something that can be written."""
  if not isinstance(own, msgspec.Raw | bytes):
    return own
  data = bytes(own)
  try:
    _decode(data)
    return msgspec.Raw(data)
  except (ValueError, RecursionError):
    pass
  try:
    return data.decode()
  except UnicodeDecodeError:
    return data


# What the tag adds to every window: {"type":"window", and the rest of the object.
_TAG = b'{"type":"window",'


def of_stream(event: AnyEvent) -> bytes:
  """The form on a stream's own socket: windows come without `type`."""
  data = _of_any(event)
  if type(event) is Window and data.startswith(_TAG):
    return b"{" + data[len(_TAG) :]
  return data


def full_frame(event: AnyEvent) -> bytes:
  """The frame that most clients receive."""
  return text_frame(full(event))


# The last event whose frames were made, and its frames by (compact, raw). Groups need the same
# event one after the other, so each form is made once for all of them. One tuple, replaced as a
# whole: a reader of it has an event and its own frames.
_made: tuple[AnyEvent | None, dict[tuple[bool, bool], list[bytes]]] = (None, {})


def frames_of(event: AnyEvent, matched: Filter) -> list[bytes]:
  """The frames that a filter has of an event."""
  global _made
  last, forms = _made
  if last is not event:
    forms = {}
    _made = event, forms
  frames = forms.get((matched.compact, matched.raw))
  if frames is None:
    frames = [text_frame(compact(event) if matched.compact else full(event))]
    if matched.raw and (own := raw(event, compact=matched.compact)) is not None:
      frames.append(text_frame(own))
    forms[matched.compact, matched.raw] = frames
  return frames.copy()
