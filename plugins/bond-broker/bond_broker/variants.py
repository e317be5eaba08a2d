"""The forms in which an event goes to clients, each as bytes."""

from collections.abc import Callable

import msgspec

from bond_broker.filters import Filter
from bond_core.events import AnyEvent, Gap, Window, encode
from bond_core.ws.frames import text_frame

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def full(event: AnyEvent) -> bytes:
  """Every key present. The venue's own message, which the struct may carry, has a message of its
  own and is null here. An event that JSON cannot hold, because a plugin put something else into it,
  is declared as a gap."""
  own = getattr(event, "raw", None)
  try:
    if own is None:
      return encode(event)
    event.raw = None  # type: ignore[union-attr]
    try:
      return encode(event)
    finally:
      event.raw = own  # type: ignore[union-attr]
  except (TypeError, ValueError, msgspec.EncodeError) as exc:
    return encode(_untold(event, exc))


def _untold(event: AnyEvent, exc: Exception) -> Gap:
  return Gap(
    exchange=getattr(event, "exchange", "*"),
    symbol=getattr(event, "symbol", "*"),
    channel=event.channel,
    reason="failed",
    ts_event=getattr(event, "ts_event", 0),
    missed=1,
    cause=f"an event could not be written as JSON: {exc}",
    seq_internal=getattr(event, "seq_internal", None),
  )


def compact(event: AnyEvent) -> bytes:
  """Without the keys that are null."""
  return _encode({key: value for key, value in _decode(full(event)).items() if value is not None})


def raw(event: AnyEvent) -> bytes | None:
  """The venue's own message, as a message that follows the event; None where it was not kept."""
  own = getattr(event, "raw", None)
  if own is None:
    return None
  return _encode(
    {
      "type": "raw",
      "exchange": event.exchange,  # type: ignore[union-attr]
      "symbol": event.symbol,
      "ts_event": event.ts_event,  # type: ignore[union-attr]
      "ts_exchange": event.ts_exchange,  # type: ignore[union-attr]
      "market_type": event.market_type,  # type: ignore[union-attr]
      "raw": None,
      "ts_internal": event.ts_internal,  # type: ignore[union-attr]
      "seq_internal": event.seq_internal,  # type: ignore[union-attr]
      "payload": own,
    }
  )


# What the tag adds to every window: {"type":"window", and the rest of the object.
_TAG = len(b'{"type":"window",')


def of_stream(event: AnyEvent) -> bytes:
  """The form on a stream's own socket: windows come without `type`."""
  if type(event) is Window:
    return b"{" + full(event)[_TAG:]
  return full(event)


def full_frame(event: AnyEvent) -> bytes:
  """The frame that most clients get."""
  return text_frame(full(event))


def frames_of(event: AnyEvent, wish: Filter) -> list[bytes]:
  """The frames that a filter asks for."""
  form: Callable[[AnyEvent], bytes] = compact if wish.compact else full
  frames = [text_frame(form(event))]
  if wish.raw and (own := raw(event)) is not None:
    frames.append(text_frame(own))
  return frames
