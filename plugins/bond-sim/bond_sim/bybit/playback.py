"""Recorded markets of Bybit: each frame is played once, in order. A new reader of a book or a
ticker first gets it as it is then."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
from bond_simkit import Fanout, HttpRequest, HttpResponse, VenueTime, json_response

from bond_sim.bybit.generator import span
from bond_sim.bybit.listing import CATEGORIES, BybitCategory
from bond_sim.market.capture_files import RecordedAnswers
from bond_sim.market.channels import TopicChannel
from bond_sim.market.topic_capture import Captured, Played, TopicCapture, TopicPlayback

_EXPECTED = (
  "wss://stream.bybit.com/v5/public/linear <-> 1790232236.4, which says the category, and then "
  '1790232236.5: {"topic":"publicTrade.BTCUSDT",…}'
)


class _Named(msgspec.Struct):
  topic: str = ""


_read = msgspec.json.Decoder(_Named).decode


def topic_of(frame: bytes, url: str) -> str | None:
  """The category and topic of a recorded message, None for answers."""
  topic, category = _read(frame).topic, urlsplit(url).path.rpartition("/")[2]
  return f"{category} {topic}" if topic and category in CATEGORIES else None


CAPTURED = Captured("bybit", topic_of, _EXPECTED)


class _Book:
  """Levels as the venue wrote them."""

  def __init__(self) -> None:
    self._last: dict[str, Any] = {}
    self._sides: dict[str, dict[float, list[str]]] = {"b": {}, "a": {}}

  def add(self, frame: bytes) -> None:
    self._last = msgspec.json.decode(frame)
    for name, levels in self._sides.items():
      if self._last["type"] == "snapshot":
        levels.clear()
      for row in self._last["data"][name]:
        if float(row[1]):
          levels[float(row[0])] = row
        else:
          levels.pop(float(row[0]), None)

  def first(self) -> list[bytes]:
    if not self._last:
      return []
    sides = {
      name: [levels[price] for price in sorted(levels, reverse=name == "b")]
      for name, levels in self._sides.items()
    }
    data = {**self._last["data"], **sides}
    return [msgspec.json.encode({**self._last, "type": "snapshot", "data": data})]


class _Facts:
  """A ticker of which later messages say what has changed."""

  def __init__(self) -> None:
    self._last: dict[str, Any] = {}

  def add(self, frame: bytes) -> None:
    message = msgspec.json.decode(frame)
    before = self._last.get("data", {}) if message["type"] == "delta" else {}
    self._last = {**message, "data": {**before, **message["data"]}}

  def first(self) -> list[bytes]:
    return [msgspec.json.encode({**self._last, "type": "snapshot"})] if self._last else []


def _played(topic: str) -> Played | None:
  kind = topic.partition(" ")[2].partition(".")[0]
  return _Book() if kind == "orderbook" else _Facts() if kind == "tickers" else None


class BybitPlayback:
  """The markets of recordings, as BybitMarkets."""

  def __init__(self, captures: list[TopicCapture], speed: float, settle: float) -> None:
    self.fanout = Fanout(span)
    self._topics = TopicPlayback(
      CAPTURED, captures, _played, fanout=self.fanout, speed=speed, settle=settle
    )

  async def run(self) -> None:
    await self._topics.run()

  def progress(self) -> dict[str, Any]:
    return self._topics.progress()

  def find(self, category: BybitCategory, name: str) -> TopicChannel | None:
    topic = f"{category} {name}"
    if topic not in self._topics.topics:
      return None
    return TopicChannel(topic, partial(self._topics.first, topic))


class RecordedRest:
  """Responds with what was recorded, and the time."""

  def __init__(self, answers: RecordedAnswers, clock: VenueTime) -> None:
    self._answers = answers
    self._clock = clock

  def respond(self, request: HttpRequest) -> HttpResponse:
    """The response to a request whose path has no host."""
    if (recorded := self._answers.respond(request)) is not None:
      return recorded
    now = self._clock.now_ms()
    code, message, result = 10001, f"the recording holds no answer to {request.path}", {}
    if request.path == "/v5/market/time":
      code, message = 0, "OK"
      result = {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}
    return json_response(
      {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now}
    )
