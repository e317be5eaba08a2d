"""Counts connections and subscriptions, and refuses those over the limits.

No clock and no socket: a server takes a seat for each connection as soon as it accepts it, and
leaves it in the end. What is counted is forgotten when it is back at zero, so strangers cannot fill
the memory.
"""

from collections import Counter
from ipaddress import IPv6Address, ip_address
from types import TracebackType
from typing import Final

import attrs

from bond_core import BondError

RETRY_AFTER: Final = 5
"""Seconds after which a place may have become free."""


class LimitReached(BondError):
  """Too many of something. Before a handshake this is status 503 with `Retry-After: retry_after`
  (seconds), after it close code `code`."""

  code = 4504

  def __init__(self, message: str, retry_after: int = RETRY_AFTER) -> None:
    super().__init__(message)
    self.retry_after = retry_after


def _limit(default: int, what: str) -> int:
  value: int = attrs.field(
    default=default, validator=attrs.validators.ge(0), metadata={"help": f"{what}; 0: no limit."}
  )
  return value


@attrs.frozen
class ConnectionLimits:
  """How much there may be at once; 0 is no limit. `waiting` are connections that have not
  identified themselves: those within their handshake, or before their first message."""

  connections: int = _limit(20_000, "Connections in all")
  waiting: int = _limit(1_000, "Connections that have not identified themselves")
  per_address: int = _limit(1_000, "Connections from one address (IPv6: from one /64)")
  per_principal: int = _limit(1_000, "Connections of one key or token")
  subscriptions: int = _limit(10_000, "Subscriptions of one key or token")
  waiting_per_address: int = _limit(500, "Connections from one address that are waiting")
  markets: int = _limit(
    50_000, "Markets that one key or token subscribes to, each for every channel and venue"
  )
  markets_a_minute: int = _limit(20_000, "Those that one key or token may add in a minute")
  unknown_a_minute: int = _limit(200, "Markets that there are not, of one key or token in a minute")


class Seats:
  """The connections. `enter` at once after accept, `Seat.belongs_to` when the caller is identified,
  `Seat.leave` in the end."""

  def __init__(self, limits: ConnectionLimits | None = None) -> None:
    self.limits = limits or ConnectionLimits()
    self.connections = 0
    self.waiting = 0
    self.by_address: Counter[str] = Counter()
    self.waiting_by_address: Counter[str] = Counter()
    self.by_principal: Counter[str] = Counter()
    self.subscriptions: Counter[str] = Counter()
    self.markets: Counter[str] = Counter()
    self.added = Allowance(self.limits.markets_a_minute)
    self.unknown = Allowance(self.limits.unknown_a_minute)

  def enter(self, address: str | None) -> "Seat":
    """A seat for one more connection. Raises LimitReached where there is none. `address` None is a
    Unix socket, whose callers are all one."""
    network = network_of(address)
    limits = self.limits
    if _full(self.connections, limits.connections):
      raise LimitReached(f"this server has its {limits.connections} connections; try again later")
    if _full(self.by_address[network], limits.per_address):
      raise LimitReached(
        f"there are {limits.per_address} connections from your address already; close some, or put "
        "several subscriptions on one"
      )
    if _full(self.waiting, limits.waiting) or _full(
      self.waiting_by_address[network], limits.waiting_per_address
    ):
      raise LimitReached("too many connections are being opened; try again in a moment", 1)
    self.connections += 1
    self.waiting += 1
    self.by_address[network] += 1
    self.waiting_by_address[network] += 1
    return Seat(self, network)


class Seat:
  """One connection's place; `with` leaves it."""

  def __init__(self, seats: Seats, network: str) -> None:
    self.principal: str | None = None
    self.subscribed = 0
    self.markets = 0
    self._seats = seats
    self._network = network
    self._left = False

  def belongs_to(self, principal: str) -> None:
    """Counts the connection for its principal. Raises LimitReached where that has too many. A
    second call, for another principal, moves the connection to that one."""
    seats = self._seats
    if self._left or principal == self.principal:
      return
    most = seats.limits.per_principal
    if _full(seats.by_principal[principal], most):
      raise LimitReached(
        f"there are {most} connections with these credentials already; close some of them"
      )
    if self.principal is None:
      self._end_waiting()
    else:
      self._give_back()
    self.principal = principal
    seats.by_principal[principal] += 1

  def subscribe(self, count: int = 1) -> None:
    """Counts subscriptions, all of them or none. Raises LimitReached where they are too many."""
    if self.principal is None:
      raise ValueError("a connection has to belong to a principal before it subscribes")
    seats = self._seats
    most = seats.limits.subscriptions
    if most and seats.subscriptions[self.principal] + count > most:
      raise LimitReached(
        f"there can be {most} subscriptions with these credentials; unsubscribe from some, or name "
        "several symbols in one"
      )
    seats.subscriptions[self.principal] += count
    self.subscribed += count

  def unsubscribe(self, count: int = 1) -> None:
    """Counts subscriptions as ended."""
    count = min(count, self.subscribed)
    if self.principal is None or not count:
      return
    self.subscribed -= count
    _take(self._seats.subscriptions, self.principal, count)

  def lease(self, markets: int, now: float) -> None:
    """Counts markets that are to be subscribed to, each for every channel and venue. Raises
    LimitReached where they are too many, or were in the last minute; `now` is in seconds."""
    if self.principal is None:
      raise ValueError("a connection has to belong to a principal before it subscribes")
    seats, name = self._seats, self.principal
    most = seats.limits.markets
    if most and seats.markets[name] + markets > most:
      raise LimitReached(
        f"there can be {most} markets with these credentials, each counted for every channel and "
        "venue; unsubscribe from some"
      )
    if wait := seats.unknown.wait(name, now):
      raise LimitReached(
        f"there were more than {seats.limits.unknown_a_minute} markets in a minute that no venue "
        f"has; try again in {wait:.0f} s"
      )
    if wait := seats.added.wait(name, now):
      raise LimitReached(
        f"there were more than {seats.limits.markets_a_minute} new markets in a minute with these "
        f"credentials; try again in {wait:.0f} s"
      )
    seats.added.spend(name, now, markets)
    seats.markets[name] += markets
    self.markets += markets

  def unlease(self, markets: int) -> None:
    """Counts markets as no longer subscribed to."""
    markets = min(markets, self.markets)
    if self.principal is not None and markets:
      self.markets -= markets
      _take(self._seats.markets, self.principal, markets)

  def unknown(self, markets: int, now: float) -> None:
    """Counts markets that turned out not to exist."""
    if self.principal is not None:
      self._seats.unknown.spend(self.principal, now, markets)

  def leave(self) -> None:
    """Ends the connection and its subscriptions; a second call does nothing."""
    if self._left:
      return
    self._left = True
    seats = self._seats
    seats.connections -= 1
    _take(seats.by_address, self._network)
    if self.principal is None:
      self._end_waiting()
    else:
      self._give_back()

  def _end_waiting(self) -> None:
    self._seats.waiting -= 1
    _take(self._seats.waiting_by_address, self._network)

  def _give_back(self) -> None:
    assert self.principal is not None
    self.unsubscribe(self.subscribed)
    self.unlease(self.markets)
    _take(self._seats.by_principal, self.principal)

  def __enter__(self) -> "Seat":
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    exc: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self.leave()


class Allowance:
  """So many units a minute for each name; 0: no limit. A name that has spent more waits for up to a
  minute.

  A name's entry is the time at which it has paid for what it spent, and is forgotten then.
  """

  def __init__(self, a_minute: int) -> None:
    self._each = 60.0 / a_minute if a_minute else 0.0
    self._paid_at: dict[str, float] = {}
    self._look_at = _MANY

  def wait(self, name: str, now: float) -> float:
    """Seconds until this name may spend again, 0 for now."""
    return max(0.0, self._paid_at.get(name, now) - now - 60.0)

  def spend(self, name: str, now: float, units: int) -> None:
    """Notes that units were spent."""
    if not self._each or not units:
      return
    paid_at = max(now, self._paid_at.get(name, now)) + units * self._each
    self._paid_at[name] = min(paid_at, now + 120.0)
    if len(self._paid_at) > self._look_at:
      self._paid_at = {one: until for one, until in self._paid_at.items() if until > now}
      self._look_at = 2 * len(self._paid_at) + _MANY


_MANY = 1000


def network_of(address: str | None) -> str:
  """What counts as one address: an IPv4 address, or the /64 of an IPv6 one, which is what one
  household or machine has (RFC 6177)."""
  if address is None:
    return "unix"
  try:
    found = ip_address(address.partition("%")[0])
  except ValueError:
    return address[:64]
  if not isinstance(found, IPv6Address):
    return str(found)
  if found.ipv4_mapped is not None:
    return str(found.ipv4_mapped)
  if found.is_loopback:
    return str(found)
  return f"{IPv6Address(int(found) >> 64 << 64)}/64"


def _take(counts: Counter[str], name: str, count: int = 1) -> None:
  """Counts down; what is at zero is forgotten."""
  counts[name] -= count
  if not counts[name]:
    del counts[name]


def _full(count: int, most: int) -> bool:
  return bool(most) and count >= most
