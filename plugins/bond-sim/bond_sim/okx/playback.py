"""Recorded markets of OKX: each frame is played once, in order."""

import heapq
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from bond_simkit import Fanout, HttpRequest, VenueTime

from bond_sim.market.channels import TopicChannel
from bond_sim.market.player import CapturePlayer
from bond_sim.market.rest import VenueRestError, whole_number
from bond_sim.okx.capture import OkxCapture, OkxRecord, records
from bond_sim.okx.generator import span
from bond_sim.okx.markets import OkxEndpoint, OkxSocketPath, path_of
from bond_sim.okx.playback_book import OkxPlaybackBook


class OkxPlayback:
  """The markets of recordings, as OkxMarkets. A client that subscribes to a book while it plays
  gets the book as it is then; instruments are those that the recordings list."""

  def __init__(
    self, captures: list[OkxCapture], speed: float, settle: float, clock: VenueTime
  ) -> None:
    self.fanout = Fanout(span)
    self._clock = clock
    self._captures = captures
    self._topics = {topic for capture in captures for topic in capture.topics}
    self._books = {topic: OkxPlaybackBook() for topic in self._topics if topic.startswith("books ")}
    self._instruments = [row for capture in captures for row in capture.instruments]
    self._played = 0
    self._total = sum(capture.topics.total() for capture in captures)
    self._player = CapturePlayer(self.fanout, speed, settle)
    self.endpoints: dict[str, OkxEndpoint] = {
      "public/time": self._time,
      "public/instruments": self._listed,
      "market/books": self._book,
    }

  async def run(self) -> None:
    await self._player.run(self._timeline, self._publish)

  def find(
    self, path: OkxSocketPath, channel: str, symbol: str, inst_type: str
  ) -> TopicChannel | None:
    topic = f"{channel} {symbol}"
    if topic not in self._topics or path != path_of(channel):
      return None
    self._player.subscribed()
    return TopicChannel(topic, partial(self._first, topic))

  def progress(self) -> dict[str, Any]:
    return self._player.progress(self._played, self._total)

  def _first(self, topic: str) -> list[bytes]:
    book = self._books.get(topic)
    return [book.snapshot()] if book is not None and book.began else []

  def _timeline(self) -> Iterator[tuple[int, OkxRecord]]:
    """All records with their time since the first of all (ns)."""
    timed = [capture for capture in self._captures if capture.topics]
    base_ns = min((capture.first_ns for capture in timed), default=0)
    return heapq.merge(*(_timed(capture.path, base_ns) for capture in timed), key=itemgetter(0))

  def _publish(self, record: OkxRecord) -> None:
    if (book := self._books.get(record.topic)) is not None:
      book.played(record.data)
    self._played += 1
    self.fanout.publish(record.topic, record.data)

  # REST ------------------------------------------------------------------------------------------

  def _time(self, request: HttpRequest) -> list[Any]:
    return [{"ts": str(self._clock.now_ms())}]

  def _listed(self, request: HttpRequest) -> list[Any]:
    inst_type, symbol = request.param("instType"), request.param("instId")
    return [
      row
      for row in self._instruments
      if row["instType"] == inst_type and symbol in (None, row["instId"])
    ]

  def _book(self, request: HttpRequest) -> list[Any]:
    book = self._books.get(f"books {request.param('instId')}")
    if book is None or not book.began:
      raise VenueRestError("51001", "Instrument ID does not exist")
    levels = whole_number(request.param("sz"), 1, 400)
    return [{**book.rows(levels), "ts": str(self._clock.now_ms())}]


def _timed(path: Path, base_ns: int) -> Iterator[tuple[int, OkxRecord]]:
  for record in records(path):
    yield record.time_ns - base_ns, record
