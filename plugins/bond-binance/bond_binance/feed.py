"""Binance's dialect: a Feed without I/O."""

from collections import deque
from collections.abc import Sequence
from itertools import count

import msgspec

from bond_binance import venue
from bond_binance.config import EXCHANGE, Connection
from bond_binance.messages import Listing, Notice, SnapshotMessage, decoder
from bond_binance.streams import Depth, Stream, make_stream
from bond_core.book.sequence import Ids
from bond_core.book.sync import Update
from bond_core.events import Batch, Gap
from bond_core.feed.dialect import (
  Action,
  Expire,
  Fetch,
  Handshake,
  Limits,
  Received,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core.instruments import Instrument
from bond_core.supervise import Backoff

# Every message of a combined stream begins like this; the name follows.
_NAME_AT = len(b'{"stream":"')

# What a venue whose numbers do not fit does to msgspec, float() and int().
_UNREADABLE = (msgspec.DecodeError, ValueError, OverflowError)

# A book that has been well for so long asks again at once.
CALM_NS = 60_000_000_000

SNAPSHOT = "snapshot"
LISTING = "listing"
_GONE = frozenset(("CLOSE", "SETTLING", "DELIVERED", "DELIVERING"))


class _Snapshots:
  """When a book may ask for its next snapshot: at once, then ever more rarely while it fails."""

  def __init__(self) -> None:
    self.backoff = Backoff(first=1.0, cap=30.0)
    self.wanted = False
    self.not_before_ns = 0
    self.asked_ns = 0


class BinanceFeed:
  """Spot and USD-M futures over combined streams."""

  exchange = EXCHANGE

  def __init__(self, connection: Connection) -> None:
    self.actions: deque[Action] = deque()
    self.unknown = 0
    self._endpoint = connection.endpoint
    self._aggregate = connection.aggregate
    # Spot and futures call their streams alike, so a name means something in its group only.
    self._streams: dict[str, dict[bytes, Stream]] = {}
    self._group_of: dict[int, str] = {}
    self._by_subscription: dict[Subscription, Stream] = {}
    self._snapshots: dict[Depth, _Snapshots] = {}
    self._carries: dict[int, set[Subscription]] = {}
    self._ids = count(1)
    self._listed: set[tuple[str, str]] = set()
    self._decode_notice = decoder(Notice).decode
    self._decode_snapshot = decoder(SnapshotMessage).decode
    self._decode_listing = decoder(Listing).decode

  # What the driver asks ------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    return venue.group_of(subscription, self._kind(subscription))

  def limits(self, group: str) -> Limits:
    return venue.limits(group)

  def silence(self, subscription: Subscription) -> float | None:
    # Source: "Mark Price Stream": each second. Everything else is as busy as its market.
    return 10.0 if subscription.channel == "funding" else None

  def last_received(self, subscription: Subscription) -> int | None:
    stream = self._by_subscription.get(subscription)
    return None if stream is None else stream.heard

  def snapshot_weight(self, subscription: Subscription) -> int:
    return venue.snapshot_weight(self.group(subscription)) if _is_book(subscription) else 0

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    names = [self._name(s) for s in subscriptions[: venue.URL_STREAMS]]
    return Handshake(venue.stream_url(self._endpoint, group, names))

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    return self._requests("SUBSCRIBE", subscriptions[venue.URL_STREAMS :])

  def explain(self, status: int, body: bytes) -> str | None:
    return venue.explain(status, body)

  # What happens to connections -----------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Received
  ) -> None:
    self._carries[connection] = set(subscriptions)
    group = self._group_of[connection] = self.group(subscriptions[0])
    for message in self.opening_messages(group, subscriptions):
      self.actions.append(Send(connection, message))
    for subscription in subscriptions:
      stream = self._stream(subscription)
      stream.overlapping = overlap
      if not overlap:
        self._reopened(stream, now)
    self._check_listed(subscriptions)

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Received,
  ) -> None:
    self._carries[connection].update(added)
    self._carries[connection].difference_update(removed)
    for message in self._requests("UNSUBSCRIBE", removed) + self._requests("SUBSCRIBE", added):
      self.actions.append(Send(connection, message))
    for subscription in removed:
      self._forget(subscription)
    for subscription in added:
      stream = self._stream(subscription)
      self._reopened(stream, now)
    self._check_listed(added)

  def on_close(self, connection: int) -> None:
    carried = self._carries.pop(connection, set())
    self._group_of.pop(connection, None)
    for subscription in carried:
      if subscription in self._by_subscription:
        self._by_subscription[subscription].overlapping = False

  # What comes in -------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Received) -> Batch:
    events: Batch = []
    streams = self._streams[self._group_of[connection]]
    for frame in frames:
      stream = streams.get(frame[_NAME_AT : frame.find(b'"', _NAME_AT)])
      if stream is None:
        self._other(connection, frame, received, events)
        continue
      try:
        stream(frame, received, events)
      except _UNREADABLE as exc:
        stream.unreadable(received, events, str(exc))
    return events

  def on_response(self, fetch: Fetch, response: Response, received: Received) -> Batch:
    if fetch.purpose.startswith(LISTING):
      self._on_listing(fetch, response)
      return []
    return self._on_snapshot(fetch, response, received)

  def on_timer(self, now: Received) -> Batch:
    events: Batch = []
    for stream in self._by_subscription.values():
      stream.on_timer(now, events)
    for book, state in self._snapshots.items():
      if state.wanted and now.mono_ns >= state.not_before_ns:
        self._fetch_snapshot(book, state, now)
    return events

  # Details -------------------------------------------------------------------------------------

  def _kind(self, subscription: Subscription) -> str:
    return venue.kind_of(subscription, self._aggregate)

  def _name(self, subscription: Subscription) -> str:
    return venue.stream_name(subscription, self._kind(subscription))

  def _requests(self, method: str, subscriptions: Sequence[Subscription]) -> list[bytes]:
    names = [self._name(s) for s in subscriptions]
    size = venue.STREAMS_PER_MESSAGE
    return [
      msgspec.json.encode(
        {"method": method, "params": names[start : start + size], "id": next(self._ids)}
      )
      for start in range(0, len(names), size)
    ]

  def _stream(self, subscription: Subscription) -> Stream:
    stream = self._by_subscription.get(subscription)
    if stream is None:
      stream = make_stream(subscription, self._kind(subscription), self._ask_snapshot)
      self._by_subscription[subscription] = stream
      streams = self._streams.setdefault(self.group(subscription), {})
      streams[self._name(subscription).encode()] = stream
      if isinstance(stream, Depth):
        self._snapshots[stream] = _Snapshots()
    return stream

  def _forget(self, subscription: Subscription) -> None:
    stream = self._by_subscription.pop(subscription, None)
    if stream is not None:
      self._streams[self.group(subscription)].pop(self._name(subscription).encode(), None)
      if isinstance(stream, Depth):
        self._snapshots.pop(stream, None)

  def _other(self, connection: int, frame: bytes, received: Received, events: Batch) -> None:
    """Answers, notices, and whatever cannot be told."""
    try:
      notice = self._decode_notice(frame)
    except _UNREADABLE as exc:
      events.append(
        Gap(
          exchange=EXCHANGE,
          symbol="*",
          channel="*",
          ts_event=received.ts_ms,
          cause=f"a message could not be read: {exc}",
        )
      )
      return
    kind = notice.e or (notice.data.get("e") if isinstance(notice.data, dict) else None)
    if kind == "serverShutdown":
      # Source: spot "WebSocket Streams", event serverShutdown: open a new connection, soon.
      self.actions.append(Expire(connection, "Binance announced that it will close the connection"))
    elif notice.code is not None or notice.error is not None:
      told = notice.msg or str(notice.error)
      self.actions.append(Reset(connection, f"Binance refused a request: {told}"))
    elif notice.stream:
      # Of a stream that was just unsubscribed.
      self.unknown += 1

  # Books ---------------------------------------------------------------------------------------

  def _reopened(self, stream: Stream, now: Received) -> None:
    stream.reopened()
    if isinstance(stream, Depth):
      self._ask_snapshot(stream, now)

  def _ask_snapshot(self, book: Depth, now: Received) -> None:
    state = self._snapshots.get(book)
    if state is None:
      return
    if now.mono_ns - state.asked_ns > CALM_NS:
      state.backoff.reset()
      state.not_before_ns = 0
    state.wanted = True
    if now.mono_ns >= state.not_before_ns:
      self._fetch_snapshot(book, state, now)

  def _fetch_snapshot(self, book: Depth, state: _Snapshots, now: Received) -> None:
    instrument = book.subscription.instrument
    group = venue.rest_group(self.group(book.subscription))
    state.wanted = False
    state.asked_ns = now.mono_ns
    state.not_before_ns = now.mono_ns + int(state.backoff.delay() * 1e9)
    self.actions.append(
      Fetch(
        url=venue.rest_url(self._endpoint, group, venue.snapshot_path(instrument)),
        purpose=f"{SNAPSHOT} of {instrument}",
        group=group,
        weight=venue.snapshot_weight(group),
        instrument=instrument,
        priority=1,
      )
    )

  def _on_snapshot(self, fetch: Fetch, response: Response, received: Received) -> Batch:
    book = next((b for b in self._snapshots if b.subscription.instrument == fetch.instrument), None)
    if book is None:
      return []
    if response.status != 200:
      # The listing tells what does not exist; here it may be a passing fault.
      self._ask_snapshot(book, received)
      return []
    try:
      message = self._decode_snapshot(response.body)
    except _UNREADABLE:
      self._ask_snapshot(book, received)
      return []
    events: Batch = list(
      book.sync.on_snapshot(
        Update(
          bids=message.bids,
          asks=message.asks,
          ids=Ids(message.lastUpdateId),
          ts_event=received.ts_ms,
          ts_exchange=message.T,
          ts_internal=received.mono_ns,
        )
      )
    )
    book.take_need(received, events)
    return events

  # Which markets exist -------------------------------------------------------------------------

  def _check_listed(self, subscriptions: list[Subscription]) -> None:
    """Asks for the listing of markets that were not checked yet."""
    wanted: dict[str, set[str]] = {}
    for subscription in subscriptions:
      group = venue.rest_group(self.group(subscription))
      name = venue.venue_symbol(subscription.instrument)
      if (group, name) not in self._listed:
        self._listed.add((group, name))
        wanted.setdefault(group, set()).add(name)
    for group, names in wanted.items():
      ordered = sorted(names)
      for start in range(0, len(ordered), 100):
        self._fetch_listing(group, ordered[start : start + 100])

  def _fetch_listing(self, group: str, names: list[str]) -> None:
    self.actions.append(
      Fetch(
        url=venue.rest_url(self._endpoint, group, venue.symbols_path(group, names)),
        purpose=f"{LISTING} of {' '.join(names)}",
        group=group,
        weight=venue.symbols_weight(group),
        priority=0,
      )
    )

  def _on_listing(self, fetch: Fetch, response: Response) -> None:
    names = fetch.purpose.split()[2:]
    if response.status == 400 and len(names) > 1:
      # One unknown symbol spoils the answer for all: halves find it.
      half = len(names) // 2
      self._fetch_listing(fetch.group, names[:half])
      self._fetch_listing(fetch.group, names[half:])
      return
    if response.status == 400:
      self._reject(fetch.group, names[0], None)
      return
    if response.status != 200:
      return
    try:
      listing = self._decode_listing(response.body)
    except _UNREADABLE:
      return
    status = {listed.symbol: listed.status for listed in listing.symbols}
    for name in names:
      if name not in status or status[name] in _GONE:
        self._reject(fetch.group, name, status.get(name))

  def _reject(self, group: str, name: str, status: str | None) -> None:
    place = "spot" if group == venue.SPOT else "USD-M futures"
    for subscription in list(self._by_subscription):
      instrument = subscription.instrument
      if venue.venue_symbol(instrument) != name:
        continue
      if venue.rest_group(self.group(subscription)) != group:
        continue
      told = _not_listed(instrument, place) if status is None else f"{instrument} is {status}"
      self.actions.append(Reject(subscription, told))
      self._forget(subscription)


def _is_book(subscription: Subscription) -> bool:
  return subscription.channel == "orderbook"


def _not_listed(instrument: Instrument, place: str) -> str:
  other = " or its contract's date" if instrument.expiry else ""
  return f"binance has no {instrument.symbol} in {place}; check the spelling{other}"
