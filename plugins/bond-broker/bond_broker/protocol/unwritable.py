"""The gap that stands for what JSON cannot hold."""

from typing import get_args

from msgspec import UNSET

from bond_core import AnyEvent, Gap, MarketType

MAX_CAUSE = 200


def unwritable(event: AnyEvent, exc: Exception, *, channel: str | None = None) -> Gap:
  """Declares the loss of one event that cannot be written, because a plugin put into it what its
  types do not allow. Only what is certain to be writable is taken from it. A gap that cannot be
  written stands for what it stood for."""
  number = _whole(getattr(event, "seq_internal", getattr(event, "seq", None)))
  return Gap(
    exchange=_text(getattr(event, "exchange", None)) or "*",
    symbol=_text(getattr(event, "symbol", None)) or "*",
    channel=channel or _text(event.channel) or "*",
    reason="failed",
    from_seq=_whole(getattr(event, "from_seq", number)),
    to_seq=_whole(getattr(event, "to_seq", number)),
    market_type=_market_type(getattr(event, "market_type", None)),
    expiry=_text(getattr(event, "expiry", None)),
    ts_event=_whole(getattr(event, "ts_event", None)) or 0,
    missed=_whole(getattr(event, "missed", 1)),
    cause=_text(f"an event could not be written as JSON: {exc}"[:MAX_CAUSE]) or "",
    seq_internal=number,
    simulated=True if getattr(event, "simulated", None) is True else UNSET,
  )


def _text(value: object) -> str | None:
  """A text that can be encoded: half of a surrogate pair becomes a question mark."""
  return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _market_type(value: object) -> MarketType | None:
  known: tuple[MarketType, ...] = get_args(MarketType)
  return next((one for one in known if isinstance(value, str) and one == value), None)


def _whole(value: object) -> int | None:
  return value if isinstance(value, int) and not isinstance(value, bool) else None
