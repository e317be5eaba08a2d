"""Plays recordings of OKX: each frame once, in order."""

import heapq
from collections.abc import Iterable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import trio

from bond_sim.clock import Clock
from bond_sim.http import Request
from bond_sim.hub import Hub
from bond_sim.market.playing import Player
from bond_sim.okx.recorded_book import RecordedBook
from bond_sim.okx.recording import Contents, Record, records, scan
from bond_sim.okx.source import PUBLIC, Answer, Joined, RestError
from bond_sim.okx.world import span


class Playback:
  """A source of recorded markets. Who joins the channel of a book while it plays gets the book as
  it is then, made of what was played; instruments are those of the recordings."""

  def __init__(self, recordings: list[Contents], speed: float, settle: float, clock: Clock) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._recordings = recordings
    self._names = {name for contents in recordings for name in contents.streams}
    self._books = {name: RecordedBook() for name in self._names if name.startswith("books ")}
    self._instruments = [row for contents in recordings for row in contents.instruments]
    self._played = 0
    self._total = sum(contents.streams.total() for contents in recordings)
    self._player = Player(self.hub, speed, settle)
    self.answers: dict[str, Answer] = {
      "public/time": self._time,
      "public/instruments": self._listed,
      "market/books": self._book,
    }

  @classmethod
  async def load(
    cls, paths: Iterable[str], speed: float, settle: float, clock: Clock
  ) -> "Playback":
    """Reads recordings through once. Raises SimulatorError where one cannot be played."""
    found = [await trio.to_thread.run_sync(scan, Path(path)) for path in paths]
    return cls(found, speed, settle, clock)

  async def run(self) -> None:
    await self._player.run(self._timeline, self._publish)

  def find(self, path: str, channel: str, symbol: str, family: str) -> Joined | None:
    name = f"{channel} {symbol}"
    if path != PUBLIC or name not in self._names:
      return None
    self._player.asked()
    return Joined(name, partial(self._first, name))

  def progress(self) -> dict[str, Any]:
    return self._player.progress(self._played, self._total)

  def _first(self, name: str) -> list[bytes]:
    book = self._books.get(name)
    return [book.snapshot()] if book is not None and book.began else []

  def _timeline(self) -> Iterator[tuple[int, Record]]:
    """All records with their time since the first of all (ns)."""
    timed = [contents for contents in self._recordings if contents.streams]
    base_ns = min((contents.first_ns for contents in timed), default=0)
    return heapq.merge(*(_timed(contents.path, base_ns) for contents in timed), key=itemgetter(0))

  def _publish(self, record: Record) -> None:
    if (book := self._books.get(record.stream)) is not None:
      book.played(record.data)
    self._played += 1
    self.hub.publish(record.stream, record.data)

  # Answers ---------------------------------------------------------------------------------------

  def _time(self, request: Request) -> list[Any]:
    return [{"ts": str(self._clock.now_ms())}]

  def _listed(self, request: Request) -> list[Any]:
    family, wanted = request.param("instType"), request.param("instId")
    return [
      row
      for row in self._instruments
      if row["instType"] == family and wanted in (None, row["instId"])
    ]

  def _book(self, request: Request) -> list[Any]:
    book = self._books.get(f"books {request.param('instId')}")
    if book is None or not book.began:
      raise RestError("51001", "Instrument ID does not exist")
    levels = request.param("sz") or "1"
    most = int(levels) if levels.isdecimal() else 1
    return [{**book.rows(max(1, min(most, 400))), "ts": str(self._clock.now_ms())}]


def _timed(path: Path, base_ns: int) -> Iterator[tuple[int, Record]]:
  for record in records(path):
    yield record.time_ns - base_ns, record
