"""What clients say to the broker, read from bytes that may be anything."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import msgspec

from bond_broker.filters import ANY, Filter, Wanted
from bond_broker.messages import CloseCode
from bond_core.events import CHANNELS
from bond_core.instruments import Market, parse_market

DEFAULT_CHANNELS = ("trades", "orderbook", "ticker", "funding")
DEFAULT_DEPTH = 20
DEFAULT_SPEED_MS = 100
MAX_DEPTH = 1000
MAX_SPEED_MS = 60_000
MAX_NAMES = 1000
MAX_NAME = 64
MAX_ID = 128
POLICIES = ("auto", "lossless", "conflate")

# What users of other systems call the channels.
ALIASES = {
  "price": "ticker",
  "prices": "ticker",
  "tickers": "ticker",
  "quotes": "ticker",
  "bbo": "ticker",
  "trade": "trades",
  "book": "orderbook",
  "books": "orderbook",
  "orderbooks": "orderbook",
  "depth": "orderbook",
  "liquidations": "liquidation",
  "candles": "candle",
  "ohlcv": "candle",
  "posts": "post",
  "tweets": "post",
  "onchain": "chain",
}


class BadRequest(ValueError):
  """A message that cannot be done, with the sentence that the client is sent."""

  def __init__(
    self,
    message: str,
    *,
    code: int = CloseCode.BAD_REQUEST,
    name: str = "bad_request",
    retryable: bool = False,
    request_id: object = None,
  ) -> None:
    super().__init__(message)
    self.code = int(code)
    self.name = name
    self.retryable = retryable
    self.request_id = request_id


@attrs.frozen
class Subscribe:
  """A wish for events. `since` is the raw `from`, `received` the message as it came."""

  filter: Filter
  markets: tuple[Market, ...]
  request_id: str | int | None = None
  since: str | None = None
  policy: str = "auto"
  received: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Unsubscribe:
  """The end of one: by its id, or by the same fields."""

  filter: Filter | None
  request_id: str | int | None = None
  received: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Subscriptions:
  """A question for the full current set."""

  request_id: str | int | None = None
  received: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Ping:
  """Anything, to be echoed."""

  echo: dict[str, Any]


@attrs.frozen
class Auth:
  """A token as a message."""

  token: str = attrs.field(repr=False)


Request = Subscribe | Unsubscribe | Subscriptions | Ping | Auth

_EXAMPLE = '{"type":"subscribe","channels":["trades"],"symbols":["BTC/USDT"]}'
_decode = msgspec.json.Decoder().decode


def parse_request(data: bytes) -> Request:
  """The request that a text message holds. Raises BadRequest, and nothing else, for any other
  bytes."""
  try:
    message = _decode(data)
  except (msgspec.DecodeError, ValueError, RecursionError) as exc:
    raise BadRequest(f"this is not JSON ({exc}); send an object such as {_EXAMPLE}") from exc
  if not isinstance(message, dict):
    raise BadRequest(f"a message is a JSON object such as {_EXAMPLE}")
  read = _READERS.get(message.get("type")) if isinstance(message.get("type"), str) else None
  if read is None:
    raise BadRequest(
      f"type is {_shown(message.get('type'))}; it must be subscribe, unsubscribe, subscriptions or "
      f"ping, as in {_EXAMPLE}",
      name="bad_type",
    )
  return read(message)


def _subscribe(message: dict[str, Any]) -> Subscribe:
  request_id = _request_id(message)
  try:
    wanted, markets = _symbols(message)
    since = message.get("from")
    if since is not None and not isinstance(since, str | int | float):
      raise BadRequest(f"from is {_shown(since)}; write it as now-60s, a time, or EPOCH:SEQ")
    policy = message.get("policy") or "auto"
    if policy not in POLICIES:
      raise BadRequest(f"policy is {_shown(policy)}; it is one of {', '.join(POLICIES)}")
    asked = Filter(
      channels=_channels(message),
      wanted=wanted,
      exchanges=_exchanges(message),
      depth=_positive(message.get("depth"), DEFAULT_DEPTH, MAX_DEPTH),
      speed_ms=_positive(message.get("speed_ms"), DEFAULT_SPEED_MS, MAX_SPEED_MS),
      raw=message.get("raw") is True,
      compact=message.get("compact") is True,
      deltas=message.get("deltas") is True,
      consolidated=message.get("consolidated") is True,
    )
  except BadRequest as exc:
    raise BadRequest(str(exc), name="bad_subscribe", request_id=request_id) from exc
  return Subscribe(
    asked, markets, request_id, None if since is None else str(since), policy, message
  )


def _unsubscribe(message: dict[str, Any]) -> Unsubscribe:
  request_id = _request_id(message)
  fields = {"channels", "symbols", "exchanges", "depth", "speed_ms", "raw", "compact", "deltas"}
  if request_id is not None and not fields & message.keys():
    return Unsubscribe(None, request_id, message)
  try:
    asked = _subscribe({**message, "from": None, "policy": None}).filter
  except BadRequest as exc:
    raise BadRequest(str(exc), name="bad_unsubscribe", request_id=request_id) from exc
  return Unsubscribe(asked, request_id, message)


def _subscriptions(message: dict[str, Any]) -> Subscriptions:
  return Subscriptions(_request_id(message), message)


def _auth(message: dict[str, Any]) -> Auth:
  token = message.get("token")
  if not isinstance(token, str) or not token:
    raise BadRequest('token is missing; send {"type":"auth","token":"…"}', name="bad_auth")
  return Auth(token)


_READERS: dict[object, Callable[[dict[str, Any]], Request]] = {
  "subscribe": _subscribe,
  "unsubscribe": _unsubscribe,
  "subscriptions": _subscriptions,
  "ping": Ping,
  "auth": _auth,
}


def _request_id(message: dict[str, Any]) -> str | int | None:
  value = message.get("id")
  if value is None or (isinstance(value, int) and not isinstance(value, bool)):
    return value
  if isinstance(value, str) and len(value) <= MAX_ID:
    return value
  raise BadRequest(f"id is {_shown(value)}; it is a number or a text of up to {MAX_ID} characters")


def _names(message: dict[str, Any], field: str) -> list[str]:
  """A list of texts, or one text; empty where it is missing."""
  value = message.get(field)
  if value is None:
    return []
  listed = value if isinstance(value, list) else [value]
  if len(listed) > MAX_NAMES:
    raise BadRequest(f"{field} has {len(listed)} entries; up to {MAX_NAMES} are possible")
  for name in listed:
    if not isinstance(name, str) or not name or len(name) > MAX_NAME:
      raise BadRequest(f"{field} has {_shown(name)}; it is a text or a list of texts")
  return listed


def channels_of(names: Iterable[str]) -> frozenset[str]:
  """The channels that these names mean; all of the usual ones where there is none."""
  found: set[str] = set()
  for name in names:
    lower = name.strip().lower()
    if lower == "*":
      return frozenset(CHANNELS)
    channel = ALIASES.get(lower, lower)
    if channel not in CHANNELS:
      raise BadRequest(f"there is no channel {_shown(name)}; there is {', '.join(CHANNELS)}")
    found.add(channel)
  return frozenset(found or DEFAULT_CHANNELS)


def _channels(message: dict[str, Any]) -> frozenset[str]:
  return channels_of(_names(message, "channels"))


def markets_of(names: Iterable[str]) -> tuple[frozenset[Wanted] | None, tuple[Market, ...]]:
  """What these spellings of symbols want, and the markets they mean; every symbol for none or
  "*"."""
  markets: dict[Market, None] = {}
  for name in names:
    if name.strip() == "*":
      return None, ()
    try:
      markets[parse_market(name)] = None
    except ValueError as exc:
      raise BadRequest(str(exc)) from exc
  if not markets:
    return None, ()
  wanted = frozenset(Wanted(m.symbol, m.market_type, m.expiry) for m in markets)
  return wanted, tuple(markets)


def _symbols(message: dict[str, Any]) -> tuple[frozenset[Wanted] | None, tuple[Market, ...]]:
  return markets_of(_names(message, "symbols"))


def exchanges_of(names: Iterable[str]) -> frozenset[str]:
  """The venues of these names; every venue for none or "*"."""
  found = frozenset(name.strip().lower() for name in names)
  return ANY if not found or "*" in found else found


def _exchanges(message: dict[str, Any]) -> frozenset[str]:
  return exchanges_of(_names(message, "exchanges"))


def _positive(value: object, default: int, most: int) -> int:
  """A number that users also write as text; anything else is the default."""
  if isinstance(value, bool):
    return default
  try:
    number = int(value)  # type: ignore[call-overload]
  except (TypeError, ValueError, OverflowError):
    return default
  return min(number, most) if number > 0 else default


def _shown(value: object) -> str:
  text = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
  return text if len(text) <= 60 else text[:57] + "…"
