"""A reader, with the Python SDK, who believes only what it is sent."""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import trio
from kk0 import Stream
from kk0.steps import subscribe

from tests.chaos.judge import Violation
from tests.chaos.truth import Sides, Truth
from tests.world.plan import ClientPlan
from tests.world.record import LogRecord

SERVER = "ws://127.0.0.1:8080"
ENDED_WITHIN = 2.0
"""Seconds after the end of a token after which nothing is sent any more."""
CHANNELS = {"trade": "trades", "ticker": "ticker", "orderbook": "orderbook"}
COMPARED = (
  "exchange", "symbol", "market_type", "price", "size", "side", "trade_id", "bid", "bid_size",
  "ask", "ask_size", "sequence",
)  # fmt: skip

Tokens = Callable[[int], Awaitable[str]]
"""Gives a token for so many seconds, once there is a server that does."""
BookKey = tuple[str, str, str]
"""Exchange, symbol and market type."""


class Client:
  """Reads the market over all its connections, and holds what comes against what the log was given
  and what the venues' books are."""

  def __init__(
    self, plan: ClientPlan, record: LogRecord, truths: dict[str, Truth], tokens: Tokens
  ) -> None:
    self.plan = plan
    self._tokens = tokens
    self._stalls = list(plan.stalls)
    self._expires_ms = math.inf
    """When the token ends that it has shown last."""
    self._paused: int | None = None
    """Where it unsubscribed, while what it subscribed to since is not acknowledged."""
    self._away: list[tuple[str, int, int]] = []
    """An epoch and the numbers in it, first and last, that were not for it."""
    self._cut = False
    """A /raw has said that something is missing, and not yet where it goes on."""
    self.received = 0
    self.gaps = 0
    self.resumed = 0
    self.left = False
    self._record, self._truths = record, truths
    self._epoch = ""
    self._place = 0
    self._begins: dict[str, int] = {}
    """The number after which everything is due, by epoch."""
    self._seen: dict[str, set[int]] = {}
    self._lost: dict[str, list[tuple[int, float]]] = {}
    self._latest: dict[tuple[str, str, BookKey], int] = {}
    """The number of the last event of an epoch, a kind and a key."""
    self._books: dict[BookKey, Sides] = {}
    self._sequences: dict[BookKey, int | None] = {}
    """Of books that are whole: where they are."""

  async def run(self) -> None:
    """Reads until its time is over, or it is cancelled."""
    plan = self.plan
    with trio.CancelScope(deadline=math.inf if plan.leaves is None else plan.leaves):
      pauses = list(plan.pauses)
      async with Stream(await self._url(), renew=self._url) as stream:
        await self._subscribe(stream)
        async for message in stream:
          self.take(message)
          if self._stalls and trio.current_time() >= self._stalls[0][0]:
            await trio.sleep(self._stalls.pop(0)[1])
          if pauses and trio.current_time() >= pauses[0][0]:
            await self._pause(stream, pauses.pop(0)[1])
    self.left = True

  def stall(self, seconds: float) -> None:
    """Lets it read nothing for so long, from its next message on."""
    self._stalls.append((trio.current_time(), seconds))

  async def _url(self) -> str:
    """Where it reads, with a new token where it shows one."""
    plan = self.plan
    query: list[tuple[str, str]] = []
    if plan.raw:
      query += [("channels", ",".join(plan.channels)), ("policy", plan.policy)]
      query += [("symbol", symbol) for symbol in plan.symbols if symbol != "*"]
    if plan.token is not None:
      token = await self._tokens(plan.token)
      self._expires_ms = int(token.split(".")[1]) * 1000
      query.append(("token", token))
    return f"{SERVER}/{'raw' if plan.raw else 'stream'}?{urlencode(query)}"

  async def _subscribe(self, stream: Stream) -> None:
    plan = self.plan
    await stream.subscribe(
      channels=plan.channels,
      symbols=plan.symbols,
      policy=plan.policy,
      from_=plan.since if self._paused is None else None,
      deltas=plan.deltas or None,
    )

  async def _pause(self, stream: Stream, seconds: float) -> None:
    """Unsubscribes, and subscribes again from then on. The SDK has no call for the first."""
    session = stream._session
    if self._paused is not None or not session._acknowledged:
      return
    self._paused = self._place
    number = next(iter(session._subscriptions))
    del session._subscriptions[number]
    message = json.dumps({"type": "unsubscribe", "id": number})
    assert stream._driver is not None
    await stream._driver.run(subscribe(session, message))
    await trio.sleep(seconds)
    await self._subscribe(stream)

  def take(self, message: Any) -> None:
    """Looks at a message. Raises Violation where it cannot be."""
    kind = message.get("type")
    if kind == "system":
      if message["status"] == "subscribed":
        self._acknowledged(message)
      return
    info = message.get("info") or {}
    if self.plan.raw and kind == "heartbeat":
      self._beat(info["epoch"], info["seq"])
    number = message.get("seq_internal") or info.get("seq") or message.get("seq") or 0
    self._place = max(self._place, number)
    if kind == "gap":
      self._gap(message)
    elif kind in CHANNELS:
      self._event(kind, message)
    elif kind == "error" and not self._expects(message):
      self._fail(f"an error: {message}")
    elif kind not in ("heartbeat", "live", "shutdown", "error"):
      self._fail(f"a {kind}, which it did not subscribe to")

  def _expects(self, error: Any) -> bool:
    """Whether an error is one that its plan has in store: a new token helps."""
    return self.plan.token is not None and (error["name"], error["retryable"]) == (
      *("token_expired", True),
    )

  def _fail(self, sentence: str) -> None:
    raise Violation(0, f"{self.plan.name}: {sentence}")

  # Where it is -----------------------------------------------------------------------------------

  def _acknowledged(self, message: Any) -> None:
    epoch, number, recovered = message["epoch"], message["seq"], message["recovered"]
    # A server that follows a log knows what came by, maybe nothing yet; it listens all the same.
    rejected = [one for one in message["rejected"] if not one["reason"].startswith("not seen yet")]
    if rejected:
      self._fail(f"it was rejected: {rejected}")
    if self._paused is not None:
      self._place, self._paused = self._paused, None
      if epoch == self._epoch:
        self._away.append((epoch, self._place + 1, number))
      self._sequences.clear()
      self._go_on(epoch, number)
      return
    if self._epoch:
      self.resumed += 1
      if recovered is None:
        self._fail("it came back, and the answer does not say whether anything is missing")
    if recovered is False:
      self._sequences.clear()
      self._go_on(epoch, number)
      return
    if self._epoch and (epoch, number) != (self._epoch, self._place):
      self._fail(f"it is at {self._epoch}:{self._place}, and goes on at {epoch}:{number}")
    self._begins.setdefault(epoch, number)
    self._epoch, self._place = epoch, number

  def _go_on(self, epoch: str, number: int) -> None:
    """Begins at another place. What lies between its own and what the server's present life begins
    with may be lost."""
    until = math.inf
    if epoch == self._epoch:
      until = max(number, self._record.lives.get(epoch, [0])[-1])
    self._declare(self._epoch, self._place + 1, until)
    # What it has had, or left out, of that epoch beyond the number comes again.
    self._away = [
      (away, first, min(last, number) if away == epoch else last)
      for away, first, last in self._away
    ]
    self._seen[epoch] = {seen for seen in self._seen.get(epoch, ()) if seen <= number}
    self._latest = {
      key: latest for key, latest in self._latest.items() if key[0] != epoch or latest <= number
    }
    self._begins[epoch] = min(number, self._begins.get(epoch, number))
    self._epoch, self._place = epoch, number

  def _beat(self, epoch: str, number: int) -> None:
    """What a heartbeat says to one that has no acknowledgement."""
    if self._cut:
      self._cut = False
      self._go_on(epoch, number)
    elif epoch != self._epoch:
      if self._epoch:
        self._fail(f"{epoch} begins without a gap")
      self._begins[epoch] = self._place = number
      self._epoch = epoch

  def _gap(self, message: Any) -> None:
    self.gaps += 1
    if self.plan.raw and message["reason"] == "expired" and message["from_seq"] is None:
      # The books that come again stand before the heartbeat which says where it goes on.
      self._cut = True
      self._sequences.clear()
    if message["channel"] == "orderbook":
      # Where a gap leaves open what it concerns, the chain itself says whether anything is missing.
      self._sequences = {
        key: number for key, number in self._sequences.items() if not _concerns(message, key)
      }
    if message["reason"] != "upstream" and message["from_seq"] is not None:
      self._declare(self._epoch, message["from_seq"], message["to_seq"])

  def _declare(self, epoch: str, first: int, last: float) -> None:
    self._lost.setdefault(epoch, []).append((first, last))

  # What comes ------------------------------------------------------------------------------------

  def _event(self, kind: str, message: Any) -> None:
    self.received += 1
    number, key = message["seq_internal"], _key(message)
    if CHANNELS[kind] not in self.plan.channels or not self._wants(key):
      self._fail(f"{kind} {number} of {key}, which it did not subscribe to")
    if kind == "orderbook":
      self._book(message, key)
    else:
      self._compare(kind, number, message)
    if kind == "trade":
      seen = self._seen.setdefault(self._epoch, set())
      if number in seen:
        self._fail(f"trade {number} came twice")
      if any(epoch == self._epoch and first <= number <= last for epoch, first, last in self._away):
        self._fail(f"trade {number} came although it had unsubscribed")
      if message["ts_event"] > self._expires_ms + ENDED_WITHIN * 1000:
        self._fail(f"trade {number} came after its token had expired")
      seen.add(number)
    if kind != "orderbook":
      # A view has the number of its last change, which the log may have again as a whole book.
      before = self._latest.get((self._epoch, kind, key), 0)
      if number < before:
        self._fail(f"{kind} {number} of {key} came after {before}")
      self._latest[self._epoch, kind, key] = number

  def _compare(self, kind: str, number: int, message: Any) -> None:
    published = self._record.events.get(self._epoch, {}).get(number)
    if published is None:
      # A log that lost its engine goes on in a new epoch, and has the numbers before that yet.
      others = (events.get(number) for events in self._record.events.values())
      told = message["ts_event"]
      published = next((one for one in others if getattr(one, "ts_event", None) == told), None)
    if published is None:
      self._fail(f"{kind} {number} of {self._epoch}, which the log was never given")
    for name in COMPARED:
      if getattr(published, name, None) != message.get(name):
        self._fail(f"{kind} {number} has {name} {message.get(name)!r}, the log {published}")

  def _wants(self, key: BookKey) -> bool:
    return self.plan.symbols == ("*",) or key[1] in self.plan.symbols

  # Books -----------------------------------------------------------------------------------------

  def _book(self, message: Any, key: BookKey) -> None:
    exchange, *market = key
    truth, number = self._truths[exchange], message["sequence"]
    level = truth.units[market[0], market[1]].level
    told: Sides = ({}, {})
    if message["update_type"] == "delta":
      if not self.plan.deltas:
        self._fail("a delta, which it did not subscribe to")
      if key not in self._sequences or message["prev_sequence"] != self._sequences[key]:
        # As the protocol says: it waits for the next snapshot.
        self._sequences.pop(key, None)
        return
      told = self._books[key]
    elif number < (self._sequences.get(key) or 0) and not message["is_reset"]:
      self._fail(f"the book of {key} goes back from {self._sequences[key]} to {number}")
    for side, changes in zip(told, (message["bids"], message["asks"]), strict=True):
      for price, size in changes:
        ticks, lots = level(price, size)
        if lots:
          side[ticks] = lots
        else:
          side.pop(ticks, None)
    self._books[key], self._sequences[key] = told, number
    true = truth.books_at((market[0], market[1]), number)
    if not self.plan.deltas:
      true = [_best(sides, message["depth"] or 20) for sides in true]
    if told not in true:
      self._fail(f"the book of {key} at {number} is not the venue's: {_differing(told, true)}")

  # At the end ------------------------------------------------------------------------------------

  def missing(self) -> str | None:
    """What it has neither received nor been told to be lost; None where it has everything. One that
    has left has what comes up to its place."""
    if not self._begins:
      return None if self.left else f"{self.plan.name}: it was never acknowledged"
    for epoch, begin in self._begins.items():
      until = self._place if self.left and epoch == self._epoch else math.inf
      if wrong := self._missing(epoch, begin, until):
        return f"{self.plan.name}: {wrong}"
    return None if self.left else self._behind()

  def _missing(self, epoch: str, begin: int, until: float) -> str | None:
    if "trades" not in self.plan.channels:
      return None
    seen, lost = self._seen.get(epoch, set()), self._lost.get(epoch, [])
    for number, event in self._record.events.get(epoch, {}).items():
      if not begin < number <= until or number in seen:
        continue
      if type(event).__name__ != "Trade" or not self._wants(key_of(event)):
        continue
      if not any(first <= number <= last for first, last in lost):
        return f"{number} of {epoch} is missing: {event}"
    return None

  def _behind(self) -> str | None:
    """Of which key it does not have the last state. What came while it had unsubscribed is not for
    it, however long nothing comes after that."""
    away = [(first, end) for epoch, first, end in self._away if epoch == self._epoch]
    last: dict[BookKey, int] = {}
    for number, event in self._record.events.get(self._epoch, {}).items():
      if type(event).__name__ != "Ticker" or number <= self._begins[self._epoch]:
        continue
      if not any(first <= number <= end for first, end in away):
        last[key_of(event)] = max(number, last.get(key_of(event), 0))
    for key, number in last.items():
      told = self._latest.get((self._epoch, "ticker", key), 0)
      if "ticker" in self.plan.channels and self._wants(key) and told < number:
        return f"{self.plan.name}: the ticker of {key} is at {told}, not {number}"
    for key, at in self._expected_books().items():
      if self._sequences.get(key) != at:
        return f"{self.plan.name}: the book of {key} is at {self._sequences.get(key)}, not {at}"
    return None

  def _expected_books(self) -> dict[BookKey, int]:
    if "orderbook" not in self.plan.channels:
      return {}
    return {
      (exchange, *market): number
      for exchange, truth in self._truths.items()
      for market, number in truth.latest.items()
      if self._wants((exchange, *market))
    }


def key_of(event: Any) -> BookKey:
  """Exchange, symbol and market type of an event."""
  return (
    getattr(event, "exchange", ""),
    getattr(event, "symbol", ""),
    str(getattr(event, "market_type", "")),
  )


def _key(message: Any) -> BookKey:
  return message["exchange"], message["symbol"], str(message["market_type"])


def _concerns(gap: Any, key: BookKey) -> bool:
  return (
    gap["exchange"] in ("*", key[0])
    and gap["symbol"] in ("*", key[1])
    and gap["market_type"] in (None, key[2])
  )


def _differing(told: Sides, true: list[Sides]) -> str:
  """The levels in which a book differs from the venue's last one."""
  if not true:
    return "it never had that number"
  found = [
    f"{name} {price} has {ours.get(price, 0)}, not {theirs.get(price, 0)}"
    for name, ours, theirs in zip(("bid", "ask"), told, true[-1], strict=True)
    for price in sorted({*ours, *theirs})
    if ours.get(price) != theirs.get(price)
  ]
  return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _best(sides: Sides, depth: int) -> Sides:
  bids, asks = sides
  return (
    {price: bids[price] for price in sorted(bids, reverse=True)[:depth]},
    {price: asks[price] for price in sorted(asks)[:depth]},
  )
