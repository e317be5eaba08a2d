"""The conversation with a server, without a socket and without a clock.

The rules are those of docs/protocol.md: where a subscription is, is its epoch and number; a lost
connection is taken up there, so that nothing is lost or repeated while the server's log reaches
back.
"""

import json
import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kk0.errors import Refused

Message = dict[str, Any]
"""A message as it came; `kk0.events` has the types."""
Hook = Callable[[Message], None] | None

logger = logging.getLogger("kk0")

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
# Close codes after which a retry cannot help; all from 4500 on as well.
USELESS = (1003, 1009)
# The token has expired; the same URL will not do again.
EXPIRED = 4005
# HTTP statuses of a handshake that pass by themselves.
PASSING = (408, 425, 429, 500, 502, 503, 504)
DEFAULT_CHANNELS = ("orderbook", "trades")


class Place:
  """Where a subscription is: after number `seq` of `epoch`. Its reader has all books whole once it
  is past `whole_after`; until then a chain of deltas cannot go on from here without them."""

  __slots__ = ("epoch", "replays", "seq", "whole_after")

  def __init__(self, epoch: str, seq: int, *, replays: bool, whole: bool) -> None:
    """`replays` until its `live`; the books come before that, or with it, unless it is `whole`."""
    self.epoch = epoch
    self.seq = seq
    self.replays = replays
    self.whole_after = -math.inf if whole else math.inf if replays else seq

  def __str__(self) -> str:
    return f"{self.epoch}:{self.seq}"

  @property
  def lacks_books(self) -> bool:
    """Whether its reader may have less than all whole books."""
    return self.seq <= self.whole_after

  def live(self, seq: int) -> None:
    """The replay is over; the books that it did not show come now."""
    self.replays = False
    if self.whole_after == math.inf:
      self.whole_after = seq

  def lost(self, to: int | None) -> None:
    """Numbers up to `to` were left out; the books come again."""
    self.whole_after = math.inf if self.replays else max(self.whole_after, to or self.seq)


class Session:
  """One reader of a server, over all its connections."""

  def __init__(
    self,
    url: str,
    *,
    first_wait: float = FIRST_WAIT,
    on_heartbeat: Hook = None,
    on_gap: Hook = None,
    on_error: Hook = None,
  ) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.netloc:
      raise ValueError(f"{url!r} is no websocket URL; write ws://host:port/stream")
    self.on_heartbeat = on_heartbeat
    self.on_gap = on_gap
    self.on_error = on_error
    self.subscribes = parts.path.rstrip("/").endswith("/stream")
    """Whether this path takes subscriptions; /raw and /ws/ID send without one."""
    self._parts = parts
    self._subscriptions: dict[int, Message] = {}
    self._places: dict[int, Place] = {}
    self._acknowledged: set[int] = set()
    self._own: Place | None = None
    self._own_replays = False
    self._first_wait = first_wait
    self._failures = 0
    self._patience = 0.0
    self._next_id = 0
    self.renews = False
    """Whether a new URL can be had for one whose token has expired."""
    self.expired = False
    self.declared: Message | None = None
    """A gap that no message of the server's is: a resume that its log no longer reaches."""

  # Subscriptions ---------------------------------------------------------------------------------

  def subscribe(
    self,
    channels: Iterable[str] | str,
    symbols: Iterable[str] | str,
    exchanges: Iterable[str] | str,
    **more: Any,
  ) -> str | None:
    """Notes a subscription; the message to send now, None where this path takes none."""
    if not self.subscribes:
      return None
    number, self._next_id = self._next_id, self._next_id + 1
    self._subscriptions[number] = {
      "type": "subscribe",
      "id": number,
      "channels": normalized(channels),
      "symbols": listed(symbols),
      "exchanges": listed(exchanges),
      **{name: value for name, value in more.items() if value is not None},
    }
    return json.dumps(self._subscriptions[number])

  # A connection ----------------------------------------------------------------------------------

  def url(self) -> str:
    """Where to connect, from where this reader is."""
    if self.subscribes or self._own is None:
      return urlunsplit(self._parts)
    given = parse_qsl(self._parts.query, keep_blank_values=True)
    query = [(k, v) for k, v in given if k not in ("from", "snapshot")]
    query.append(("from", str(self._own)))
    if self._own.lacks_books and self._parts.path.rstrip("/").endswith("/raw"):
      query.append(("snapshot", "true"))
    return urlunsplit(self._parts._replace(query=urlencode(query)))

  def move(self, url: str) -> None:
    """Goes on at another URL: that of a new token."""
    self._parts = urlsplit(url)
    self.expired = False

  def connected(self) -> list[str]:
    """What to send first: every subscription, from where it is."""
    self._acknowledged.clear()
    self._own_replays = "from" in dict(parse_qsl(urlsplit(self.url()).query))
    if self._own is not None:
      self._own.replays = self._own_replays
    return [json.dumps(self._request(number)) for number in self._subscriptions]

  def _request(self, number: int) -> Message:
    """What asks for a subscription, from where it is."""
    subscription, place = self._subscriptions[number], self._places.get(number)
    if place is None:
      return subscription
    again = {**subscription, "from": str(place)}
    again.pop("snapshot", None)
    if subscription.get("deltas") and place.lacks_books:
      again["snapshot"] = True
    return again

  def lost(self, code: int | None = None, reason: str = "") -> float:
    """The connection has ended, with a close code, an HTTP status or none; how many seconds to wait
    before the next. Raises Refused where the server does not want another."""
    if code is not None:
      self.expired = code == EXPIRED
      final = (
        (self.expired and not self.renews)
        or code in USELESS
        or code >= 4500
        or (400 <= code < 600 and code not in PASSING)
      )
      if final:
        raise Refused(code, reason)
    most = min(LONGEST_WAIT, self._first_wait * 2**self._failures)
    self._failures = min(self._failures + 1, 20)
    patience, self._patience = self._patience, 0.0
    # All clients of a server that restarts would come at once without the randomness.
    return max(patience, random.uniform(0, most))

  def unreachable(self, reason: str) -> None:
    """No connection could be opened: says so once, in the log and to `on_error`; the attempts go
    on."""
    if self._failures:
      return
    # The query may hold a token.
    place = urlunsplit(self._parts._replace(query=""))
    message = f"no server answers at {place} ({reason or 'no answer'}); trying again"
    logger.warning("%s", message)
    error = {"type": "error", "code": None, "name": "unreachable", "message": message}
    _call(self.on_error, {**error, "retryable": True, "id": None})

  # What comes ------------------------------------------------------------------------------------

  def take(self, text: str | bytes) -> Message:
    """The message in a text; hooks have been called. Raises ValueError for what is no message: the
    connection is damaged, and the next one goes on where this one was whole."""
    message = json.loads(text)
    if not isinstance(message, dict):
      raise ValueError("a message is a JSON object")
    kind = message.get("type")
    if kind == "system":
      self._acknowledge(message)
    elif kind == "heartbeat":
      self._failures = 0
      self._beat(message)
      _call(self.on_heartbeat, message)
    elif kind == "live":
      self._live(message)
    elif kind == "shutdown":
      self._patience = float(message.get("retry_after_ms") or 0) / 1000
    elif kind == "error":
      _call(self.on_error, message)
    else:
      self._reach(message.get("seq_internal", message.get("seq")))
      if kind == "gap":
        self._lose(message)
        _call(self.on_gap, message)
    return message

  def _acknowledge(self, message: Message) -> None:
    number = message.get("id")
    if message.get("status") != "subscribed" or number not in self._subscriptions:
      return
    self._failures = 0
    request, recovered = self._request(number), message.get("recovered")
    self._places[number] = Place(
      str(message["epoch"]),
      int(message["seq"]),
      replays=request.get("from") is not None,
      whole=recovered is True and not request.get("snapshot"),
    )
    self._acknowledged.add(number)
    if recovered is False:
      self.declared = {
        "type": "gap",
        "channel": "*",
        "exchange": "*",
        "symbol": "*",
        "from_seq": None,
        "to_seq": None,
        "reason": "expired",
        "market_type": None,
        "expiry": None,
        "ts_event": time.time_ns() // 1_000_000,
        "ts_from": None,
        "ts_to": None,
        "venue_from": None,
        "venue_to": None,
        "missed": None,
        "cause": "the server no longer has everything that came meanwhile",
        "backfilled": False,
        "streams": None,
        "seq_internal": None,
        "ids": [number],
      }
      _call(self.on_gap, self.declared)

  def _beat(self, message: Message) -> None:
    info = message.get("info") or {}
    seq, epoch = info.get("seq"), info.get("epoch")
    # Where no subscription is acknowledged, a heartbeat says where this reader is.
    known = self._own is not None and self._own.epoch == epoch
    if not self.subscribes and epoch is not None and not known:
      # What it lacks of books comes with the replay; else they came before this.
      replays = self._own_replays
      self._own = Place(str(epoch), int(seq or 0), replays=replays, whole=not replays)
    self._reach(seq)

  def _live(self, message: Message) -> None:
    seq = message.get("seq")
    self._reach(seq)
    self._own_replays = False
    number = message.get("id")
    place = self._places[number] if number in self._acknowledged else self._own
    if place is not None and isinstance(seq, int):
      place.live(seq)

  def _lose(self, gap: Message) -> None:
    """A gap that is of no log but of what this reader was sent."""
    if gap.get("seq_internal") is not None or gap.get("channel") not in ("*", "orderbook"):
      return
    ids, to = gap.get("ids"), gap.get("to_seq")
    for number in self._acknowledged:
      if ids is None or number in ids:
        self._places[number].lost(to)
    if self._own is not None:
      self._own.lost(to)

  def _reach(self, seq: Any) -> None:
    if not isinstance(seq, int):
      return
    for number in self._acknowledged:
      place = self._places[number]
      if seq > place.seq:
        place.seq = seq
    if self._own is not None and seq > self._own.seq:
      self._own.seq = seq


def normalized(channels: Iterable[str] | str) -> list[str]:
  """Channel names as the server has them; trades and books where none are named."""
  found = {name.strip().lower() for name in listed(channels)} - {""}
  found = {"ticker" if name in ("price", "prices") else name for name in found}
  return sorted(found or DEFAULT_CHANNELS)


def listed(names: Iterable[str] | str | None) -> list[str]:
  """One name or several, as a list."""
  if names is None:
    return ["*"]
  return [names] if isinstance(names, str) else [str(name) for name in names]


def _call(hook: Hook, message: Mapping[str, Any]) -> None:
  if hook is not None:
    hook(dict(message))
