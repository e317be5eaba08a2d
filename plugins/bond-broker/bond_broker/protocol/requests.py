"""Clients' requests, read from bytes that may be anything."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args

import attrs
import msgspec
from bond_server.replaying import STEERS

from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import ANY, Filter, MarketPattern
from bond_broker.protocol.since import FORMS, parse_since
from bond_core import CHANNELS, Channel, Market, parse_symbol
from bond_core.config import closest

DEFAULT_CHANNELS: tuple[Channel, ...] = ("trades", "orderbook", "ticker", "funding")
DEFAULT_DEPTH = 20
DEFAULT_SPEED_MS = 100
MAX_DEPTH = 1000
MAX_SPEED_MS = 60_000
MAX_NAMES = 1000
MAX_NAME = 100
MAX_ID = 128
MAX_NESTING = 32
MAX_UNKNOWN = 20
SHARED = SHARED_BYTES = 1024
"""How many requests are kept for clients that send the same, and how long one of them may be."""
Policy: TypeAlias = Literal["auto", "lossless", "conflate"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
"""What a slow client loses: states that a later one replaces, nothing, or all but the latest."""

# What users of other systems call the channels.
ALIASES: dict[str, Channel] = {
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
_CHANNEL_OF: dict[str, Channel] = {**{channel: channel for channel in CHANNELS}, **ALIASES}


@attrs.frozen
class Subscribe:
  """A request for events. `since` is `from` as it was written, `snapshot` that its reader has no
  books whatever `since` is, `received` the whole message."""

  filter: Filter
  markets: tuple[Market, ...]
  request_id: str | float | None = None
  since: str | None = None
  policy: Policy = "auto"
  snapshot: bool = False
  received: dict[str, Any] = attrs.field(factory=dict)

  @property
  def unknown(self) -> list[dict[str, str | None]]:
    """The keys of the message that mean nothing, each with the nearest that does."""
    return [
      {"key": key, "did_you_mean": closest(key, _FIELDS)}
      for key in list(self.received)[:MAX_UNKNOWN]
      if key not in _FIELDS
    ]


@attrs.frozen
class Unsubscribe:
  """The end of a subscription: by its id, or by the same fields."""

  filter: Filter | None
  request_id: str | float | None = None
  received: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class SubscriptionList:
  """A request for the list of all subscriptions."""

  request_id: str | float | None = None
  received: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Ping:
  """Anything, to be echoed."""

  echo: dict[str, Any]


@attrs.frozen
class Steering:
  """What the player of a recording is to do."""

  message: dict[str, Any]
  request_id: str | float | None = None


@attrs.frozen
class Auth:
  """A token as a message."""

  token: str = attrs.field(repr=False)


_FILTER_FIELDS = frozenset(
  (
    *("channel", "channels", "symbol", "symbols", "exchange", "exchanges"),
    *("depth", "speed_ms", "raw", "compact", "deltas", "consolidated"),
  )
)
_FIELDS = _FILTER_FIELDS | {"type", "id", "from", "policy", "snapshot"}

Request = Subscribe | Unsubscribe | SubscriptionList | Ping | Auth | Steering

_EXAMPLE = '{"type":"subscribe","channels":["trades"],"symbols":["BTC/USDT"]}'
_decode = msgspec.json.Decoder().decode


def parse_request(data: bytes) -> Request:
  """The request that a text message holds. Raises BadRequest, and nothing else, for any other
  bytes. Clients that send the same have the same object, as those of one page do."""
  if len(data) > SHARED_BYTES or b"token" in data:
    return _parse(data)
  return _parse_shared(data)


def _parse(data: bytes) -> Request:
  try:
    message = _decode(data)
  except (msgspec.DecodeError, ValueError, RecursionError) as exc:
    raise BadRequest(f"this is not JSON ({exc}); send an object such as {_EXAMPLE}") from exc
  if not isinstance(message, dict):
    raise BadRequest(f"a message is a JSON object such as {_EXAMPLE}")
  if data.count(b"{") + data.count(b"[") > MAX_NESTING and _nests_deeper(message, MAX_NESTING):
    raise BadRequest(f"this is nested deeper than {MAX_NESTING} levels; send {_EXAMPLE}")
  kind = message.get("type")
  read = _READERS.get(kind) if isinstance(kind, str) else None
  if read is None:
    raise BadRequest(
      f"type is {_shown(kind)}; it must be subscribe, unsubscribe, subscriptions or ping, as in "
      f"{_EXAMPLE}",
      name="bad_type",
      request_id=_given_id(message),
    )
  try:
    return read(message)
  except BadRequest as exc:
    if exc.name == "bad_request":
      exc.name = f"bad_{kind}"
    exc.request_id = _given_id(message)
    raise


_parse_shared = lru_cache(SHARED)(_parse)


def _nests_deeper(value: object, most: int) -> bool:
  """Whether lists and objects lie in each other more than `most` deep. What is echoed is written
  again, and what could just be read at one place may not be writable at a deeper one."""
  level: list[object] = [value]
  for _ in range(most):
    inner: list[object] = []
    for entry in level:
      if isinstance(entry, dict):
        inner += entry.values()
      elif isinstance(entry, list):
        inner += entry
    level = inner
  return any(isinstance(entry, dict | list) for entry in level)


def _subscribe(message: dict[str, Any]) -> Subscribe:
  request_id = _request_id(message)
  matched, markets = _filter(message)
  policy = message.get("policy")
  if policy is None:
    policy = "auto"
  if policy not in POLICIES:
    raise BadRequest(f"policy is {_shown(policy)}; it is one of {', '.join(POLICIES)}")
  return Subscribe(
    matched,
    markets,
    request_id,
    since=_since(message),
    policy=policy,
    snapshot=flag(message, "snapshot"),
    received=message,
  )


def _filter(message: dict[str, Any]) -> tuple[Filter, tuple[Market, ...]]:
  patterns, markets = markets_of(_names(message, "symbol"))
  matched = Filter(
    channels=channels_of(_names(message, "channel")),
    markets=patterns,
    names=written_names(markets),
    exchanges=exchanges_of(_names(message, "exchange")),
    depth=_positive(message.get("depth"), DEFAULT_DEPTH, MAX_DEPTH),
    speed_ms=_positive(message.get("speed_ms"), DEFAULT_SPEED_MS, MAX_SPEED_MS),
    raw=flag(message, "raw"),
    compact=flag(message, "compact"),
    deltas=flag(message, "deltas"),
    consolidated=flag(message, "consolidated"),
  )
  return matched, markets


def _unsubscribe(message: dict[str, Any]) -> Unsubscribe:
  request_id = _request_id(message)
  if request_id is not None and _FILTER_FIELDS.isdisjoint(message):
    return Unsubscribe(None, request_id, message)
  return Unsubscribe(_filter(message)[0], request_id, message)


def _subscriptions(message: dict[str, Any]) -> SubscriptionList:
  return SubscriptionList(_request_id(message), message)


def _auth(message: dict[str, Any]) -> Auth:
  token = message.get("token")
  if not isinstance(token, str) or not token:
    raise BadRequest('token is missing; send {"type":"auth","token":"…"}')
  return Auth(token)


def _steering(message: dict[str, Any]) -> Steering:
  return Steering(message, _request_id(message))


_READERS: dict[str, Callable[[dict[str, Any]], Request]] = {
  **dict.fromkeys(STEERS, _steering),
  "subscribe": _subscribe,
  "unsubscribe": _unsubscribe,
  "subscriptions": _subscriptions,
  "ping": Ping,
  "auth": _auth,
}


def _request_id(message: dict[str, Any]) -> str | float | None:
  value = message.get("id")
  if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
    return value
  if isinstance(value, str) and len(value) <= MAX_ID:
    return value
  raise BadRequest(f"id is {_shown(value)}; it is a number or a text of up to {MAX_ID} characters")


def _given_id(message: dict[str, Any]) -> str | float | None:
  """The id that an error answers to; None where there is none that could be one."""
  try:
    return _request_id(message)
  except BadRequest:
    return None


def _since(message: dict[str, Any]) -> str | None:
  value = message.get("from")
  if value is None:
    return None
  if isinstance(value, bool) or not isinstance(value, str | int | float):
    raise BadRequest(f"from is {_shown(value)}; write {FORMS}", name="bad_from")
  # It is looked up when the subscription begins; here it has to be one of the forms.
  parse_since(str(value), 0)
  return str(value)


def flag(message: Mapping[str, Any], field: str) -> bool:
  """What a field that is true or false says; false where it is missing. Raises BadRequest for
  another value."""
  value = message.get(field)
  if value is None:
    return False
  known = _FLAGS.get(value) if isinstance(value, bool | int | str) else None
  if known is None:
    raise BadRequest(f"{field} is {_shown(value)}; it is true or false")
  return known


# What users also write, in JSON of their own making. True == 1 and False == 0 as keys.
_FLAGS: dict[object, bool] = {True: True, False: False, "true": True, "false": False}


def _names(message: dict[str, Any], singular: str) -> list[str]:
  """A list of texts, or one text, under the field's name or its singular; empty where it is
  missing."""
  found: list[str] = []
  for field in (f"{singular}s", singular):
    value = message.get(field)
    if value is not None and value != "":
      found += check_names(field, value if isinstance(value, list) else [value])
  return found


def check_names(field: str, names: list[Any]) -> list[str]:
  """The same names. Raises BadRequest where they are too many, too long, or none."""
  if len(names) > MAX_NAMES:
    raise BadRequest(f"{field} has {len(names)} entries; up to {MAX_NAMES} are possible")
  for name in names:
    if not isinstance(name, str):
      raise BadRequest(f"{field} has {_shown(name)}; it is a text or a list of texts")
    if not name.strip():
      raise BadRequest(f'{field} has an empty name; leave it out, or write "*" for all')
    if len(name) > MAX_NAME:
      raise BadRequest(f"{field} has {_shown(name)}; a name has up to {MAX_NAME} characters")
  return names


def channels_of(names: Iterable[str]) -> frozenset[Channel]:
  """The channels of these names; the default ones where there is none."""
  found: set[Channel] = set()
  for name in names:
    lower = name.strip().lower()
    channel = _CHANNEL_OF.get(lower)
    if lower == "*":
      found.update(CHANNELS)
    elif channel is not None:
      found.add(channel)
    else:
      raise BadRequest(f"there is no channel {_shown(name)}; there is {', '.join(CHANNELS)}")
  return frozenset(found or DEFAULT_CHANNELS)


def markets_of(
  names: Iterable[str],
) -> tuple[frozenset[MarketPattern] | None, tuple[Market, ...]]:
  """What these spellings of symbols match, and the markets they name; every symbol for none or
  "*"."""
  markets: dict[Market, None] = {}
  every = False
  for name in names:
    if name.strip() == "*":
      every = True
    else:
      try:
        markets[parse_symbol(name)] = None
      except ValueError as exc:
        raise BadRequest(str(exc)) from exc
  if every or not markets:
    return None, ()
  patterns = frozenset(
    MarketPattern(m.symbol, m.market_type, m.expiry, m.settle) for m in markets if m.quote
  )
  return patterns, tuple(markets)


# One object for all: each idle client would hold an empty set of its own.
NO_NAMES = frozenset[str]()


def written_names(markets: Iterable[Market]) -> frozenset[str]:
  """The spellings that no market, or more than one, can be read from."""
  return frozenset(market.name.upper() for market in markets if market.name is not None) or NO_NAMES


def exchanges_of(names: Iterable[str]) -> frozenset[str]:
  """The venues of these names; every venue for none or "*"."""
  found = frozenset(name.strip().lower() for name in names)
  return ANY if not found or "*" in found else found


def _positive(value: object, default: int, most: int) -> int:
  """A number that users also write as text; anything else is the default."""
  if isinstance(value, bool):
    return default
  try:
    number = int(float(value))  # type: ignore[arg-type]
  except (TypeError, ValueError, OverflowError):
    return default
  return min(number, most) if number > 0 else default


def _shown(value: object) -> str:
  text = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
  return text if len(text) <= 60 else text[:57] + "…"
