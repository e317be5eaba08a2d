"""The configuration of redis.streams."""

from typing import Any

import attrs

from bond_core import Duration, Secret, Size
from bond_core.config import InvalidValue
from bond_core.logs import RingSize
from bond_redis.address import FORMS, parse_address


def _check_url(config: Any, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
  if value is None:
    return
  try:
    address = parse_address(value)
  except ValueError as exc:
    # It may hold a password all the same.
    raise InvalidValue(
      f"this is no address of a Redis server: {exc}; {FORMS}", hides=True
    ) from None
  if address.password is not None:
    raise InvalidValue(
      "a password never stands in a spec; leave it out of the URL and write password: "
      "{secret: NAME}, or put the whole URL into REDIS_URL",
      hides=True,
    )


def _check_prefix(config: Any, attribute: "attrs.Attribute[str]", value: str) -> None:
  if "{" in value or "}" in value:
    raise ValueError("{ and } mark what a Redis Cluster places together; write it without them")


def _at_least_one(config: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
  if not value > 0:
    raise ValueError(f"{value} is too small; {attribute.name} has to be more than 0")


@attrs.frozen(kw_only=True)
class Streams:
  """`url` is redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH. Without one it is what the
  environment says in REDIS_URL, else redis://localhost:6379. `password` goes before the one that
  REDIS_URL may hold. `cluster` says that the server is a node of a Redis Cluster.

  Each log is a stream under its own name, behind `prefix`; two servers that share a database need
  different ones. `maxlen` is how many events the stream of a user-made stream keeps,
  `market_maxlen` how many the log of all events keeps. `timeout` is how long one call may take.
  `keep` and `size` bound what is also in memory: an outage within these bounds loses nothing.
  """

  url: str | None = attrs.field(default=None, validator=_check_url)
  password: Secret | None = None
  cluster: bool = False
  prefix: str = attrs.field(default="", validator=_check_prefix)
  maxlen: int = attrs.field(default=1000, validator=_at_least_one)
  market_maxlen: int = attrs.field(default=100_000, validator=_at_least_one)
  timeout: Duration = attrs.field(default=Duration(5.0), validator=_at_least_one)
  keep: Duration = Duration(60.0)
  size: Size = Size(64 * 1024 * 1024)

  def ring(self) -> RingSize:
    """What stays in memory."""
    return RingSize(self.keep, self.size)
