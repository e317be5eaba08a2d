"""What waits between asyncio's thread and trio: whole batches, bounded, every drop declared."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Self

from bond_core import AnyEvent, Batch, Channel, Clock, Gap, Instrument
from bond_core.feeds import Subscription

MOST = 50_000
"""Events that may wait; a reader that is this far behind receives a gap."""

TOGETHER = 0.005
"""Seconds between two batches: crossing threads costs more than an event does."""


class Outbox:
  """Events from tasks on asyncio's loop; iterating there gives all that has come, as one batch.

  When `most` events wait, more are dropped, and a Gap for each instrument says how many.
  """

  def __init__(self, channel: Channel, clock: Clock, most: int = MOST) -> None:
    self.channel = channel
    self.clock = clock
    self._most = most
    self._waiting: Batch = []
    self._lost: dict[Instrument, tuple[int, int]] = {}
    self._news = asyncio.Event()
    self._left = 0.0
    self.refused: list[str] = []
    """Why markets are given up, for the source's readers."""
    self.notices: dict[Subscription, tuple[str | None, bool]] = {}
    """What readers have to know of a market, and whether it is unavailable; None: nothing more."""
    self.headers: Mapping[str, str] = {}
    """Of the venue's last answer before the first event."""

  def put(self, instrument: Instrument, events: Iterable[AnyEvent]) -> bool:
    """Takes over events; returns False where there was no room for all."""
    given = list(events)
    room = self._most - len(self._waiting)
    self._waiting += given[:room]
    dropped = len(given) - max(0, room)
    if dropped > 0:
      since, count = self._lost.get(instrument, (self.clock.now_ms(), 0))
      self._lost[instrument] = since, count + dropped
    self._news.set()
    return dropped <= 0

  def live(self) -> None:
    """Notes that the venue answered, where it had nothing new."""
    self._news.set()

  def refuse(self, reason: str) -> None:
    """Gives one market up for good; others go on."""
    self.refused.append(reason)
    self._news.set()

  def notice(self, instrument: Instrument, reason: str | None, *, unavailable: bool = True) -> None:
    """Tells readers why a market does not come for now, or what has changed; None ends that."""
    self.notices[Subscription(self.channel, instrument)] = reason, unavailable
    self._news.set()

  def gap(
    self,
    instrument: Instrument,
    cause: str,
    *,
    since: int | None = None,
    missed: int | None = None,
    first: int | None = None,
    last: int | None = None,
  ) -> None:
    """Declares that events of an instrument were or may have been lost; never dropped itself."""
    now = self.clock.now_ms()
    self._waiting.append(
      Gap(
        channel=self.channel,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        market_type=instrument.market_type,
        expiry=instrument.expiry,
        ts_event=now,
        ts_from=now if since is None else since,
        ts_to=now,
        missed=missed,
        venue_from=first,
        venue_to=last,
        cause=cause,
      )
    )
    self._news.set()

  def __aiter__(self) -> Self:
    return self

  async def __anext__(self) -> Batch:
    await self._news.wait()
    # At rest each event leaves at once; in a busy hour they go together.
    early = self._left + TOGETHER - time.monotonic()
    if early > 0:
      await asyncio.sleep(early)
    self._left = time.monotonic()
    self._news.clear()
    batch, self._waiting = self._waiting, []
    lost, self._lost = self._lost, {}
    if lost:
      self._waiting = []
      for instrument, (since, count) in lost.items():
        self.gap(
          instrument,
          f"more than {self._most} events waited to be taken",
          since=since,
          missed=count,
        )
      batch += self._waiting
      self._waiting = []
      self._news.clear()
    return batch
