"""The parts of a URL of the broker."""

from urllib.parse import parse_qs, unquote

import attrs

from bond_broker.protocol.bad_request import BadRequest
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.requests import (
  MAX_NAMES,
  POLICIES,
  Policy,
  channels_of,
  check_names,
  exchanges_of,
  flag,
  markets_of,
  written_names,
)
from bond_core import CHANNELS


@attrs.frozen
class Query:
  """A request target in parts. `filter` is what /raw is narrowed to."""

  path: str
  filter: Filter
  exchanges: tuple[str, ...] = ()
  since: str | None = None
  policy: Policy = "auto"
  snapshot: bool = False


# One object for all: each idle client would hold a set of its own.
EVERY_CHANNEL = frozenset(CHANNELS)


def parse_target(target: str) -> Query:
  """The parts of a request target such as /raw?exchange=binance&channels=trades,ticker. Raises
  BadRequest, and nothing else, for any other text. Every text in it can be encoded."""
  path, query = _split(target.encode(errors="replace").decode())
  try:
    values = parse_qs(query, keep_blank_values=True, max_num_fields=MAX_NAMES)
  except ValueError as exc:
    raise BadRequest(f"the query of the URL cannot be read: {exc}") from exc

  def listed(name: str, plural: str) -> list[str]:
    given = [value for field in (name, plural) for value in values.get(field, [])]
    found = [part.strip() for value in given for part in value.split(",") if part.strip()]
    return check_names(name, found)

  exchanges = listed("exchange", "exchanges")
  channels = listed("channel", "channels")
  patterns, markets = markets_of(listed("symbol", "symbols"))
  matched = Filter(
    channels=channels_of(channels) if channels else EVERY_CHANNEL,
    markets=patterns,
    names=written_names(markets),
    exchanges=exchanges_of(exchanges),
    # /raw hands out what the log has, so books come as they change.
    deltas=True,
  )
  policy = values.get("policy", ["auto"])[-1]
  if policy not in POLICIES:
    raise BadRequest(f"policy is {policy[:40]!r}; it is one of {', '.join(POLICIES)}")
  since = values.get("from", [None])[-1]
  return Query(
    path="/" + unquote(path).strip("/"),
    filter=matched,
    exchanges=tuple(name.lower() for name in exchanges if name != "*"),
    since=since or None,
    policy=policy,
    snapshot=flag({name: given[-1] for name, given in values.items()}, "snapshot"),
  )


def _split(target: str) -> tuple[str, str]:
  """Path and query. A proxy may put scheme and host before them (RFC 9112, absolute-form);
  urllib's urlsplit would read a host from any path that begins with two slashes."""
  scheme, colon, rest = target.partition("://")
  if colon and scheme.lower() in ("http", "https", "ws", "wss"):
    target = rest[rest.find("/") :] if "/" in rest.partition("?")[0] else "/"
  path, _, query = target.partition("#")[0].partition("?")
  return path, query
