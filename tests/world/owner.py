"""A caller of the control plane: makes a stream, reads it, deletes it, tries its token again."""

import math
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import trio
from kk0 import Refused, Stream

from tests.chaos.judge import Violation
from tests.world.plan import StreamPlan
from tests.world.record import LogRecord, Record

API = "http://127.0.0.1:8000"
CLOSED_WITHIN = 6.0
"""Seconds after a deletion after which nothing comes any more: one, and what a network holds."""
TRIED = 5.0
UNDER_WAY = 1.0
"""Seconds after which a row has come, where nothing holds it up."""


class Owner:
  """Has one stream, whatever happens to the server meanwhile."""

  def __init__(self, plan: StreamPlan, record: Record) -> None:
    self.plan = plan
    self._record = record
    self.windows = 0
    self.done = plan.deletes is None
    """Whether all that it wants has happened."""
    self.url = ""
    self._stream = ""
    self._seen: set[tuple[str, str]] = set()
    self._epoch = ""
    self._begins: dict[str, int] = {}
    self._came: dict[str, set[int]] = {}
    self._lost: dict[str, list[tuple[float, float]]] = {}
    self._place = 0
    self._reading = trio.CancelScope()
    self._ended = trio.Event()
    self._deleted_at = math.inf

  async def run(self) -> None:
    """Makes the stream and lives with it."""
    await trio.sleep_until(self.plan.at)
    made = await self._request("POST", "/v1/streams", {"spec": self._spec()}, (200, 201))
    self._stream = made["stream_id"]
    self.url = _url(made["ws_url"])
    async with trio.open_nursery() as nursery:
      nursery.start_soon(self._read)
      if self.plan.deletes is not None:
        await trio.sleep_until(self.plan.deletes)
        await self._request("DELETE", f"/v1/streams/{self._stream}", None, (200, 404))
        self._deleted_at = trio.current_time()
        with trio.move_on_after(CLOSED_WITHIN + TRIED):
          await self._ended.wait()
        self._reading.cancel()
        await self._try_again()
        self.done = True

  def _spec(self) -> dict[str, Any]:
    venue = self.plan.venue
    source = {"use": f"{venue}.trades", "with": {"symbols": ["BTC/USDT"]}}
    window = {"use": "core.window", "from": ["trades"], "with": {"every": self.plan.every}}
    sink = {"use": "core.stream", "from": ["pulse"]}
    return {
      "sources": {"trades": source},
      "transforms": {"pulse": window},
      "sinks": {"clients": sink},
    }

  async def _request(self, method: str, path: str, body: Any, good: tuple[int, ...]) -> Any:
    """The answer, tried again while the server is away."""
    while True:
      try:
        async with httpx.AsyncClient(base_url=API, trust_env=False) as client:
          answer = await client.request(method, path, json=body)
      except httpx.HTTPError:
        await trio.sleep(0.5)
        continue
      if answer.status_code in good:
        return answer.json()
      if answer.status_code < 500 and "disk" not in answer.text:
        # Else it is the disk's trouble, which passes.
        raise Violation(0, f"{method} {path}: {answer.status_code} {answer.text[:200]}")
      await trio.sleep(0.5)

  async def _read(self) -> None:
    with self._reading:
      try:
        async with Stream(self.url, renew=self._renew) as stream:
          async for message in stream:
            self._take(message)
      except Refused as exc:
        if self.plan.deletes is None or trio.current_time() < self.plan.deletes:
          raise Violation(0, f"a stream that is there refuses its reader: {exc}") from exc
    self._ended.set()

  async def _renew(self) -> str:
    """The URL with a new token, where the clock has gone beyond the old one's time."""
    made = await self._request("POST", f"/v1/streams/{self._stream}/token", None, (200, 404))
    return _url(made["ws_url"]) if "ws_url" in made else self.url

  @property
  def log(self) -> LogRecord:
    """What the stream's log was given."""
    return self._record.of(f"simulated:stream:{self._stream}")

  def _take(self, message: Any) -> None:
    if message.get("type") == "heartbeat":
      self._beat(message["info"])
    elif message.get("type") == "gap" and message["reason"] in ("slow", "expired"):
      self._gap(message)
    if message.get("window_start") is None:
      return
    self.windows += 1
    number = self._place = message["seq"]
    published = self.log.events.get(self._epoch, {}).get(number)
    # Windows come without a type.
    if {"type": "window", **message} != msgspec.to_builtins(published):
      raise Violation(0, f"{number} of {self._epoch} is {message}, the log has {published}")
    self._came.setdefault(self._epoch, set()).add(number)
    if trio.current_time() > self._deleted_at + CLOSED_WITHIN:
      raise Violation(0, f"a window came {CLOSED_WITHIN:g} s after its stream was deleted")
    key = message["symbol"], message["window_start"]
    if key in self._seen:
      raise Violation(0, f"the window of {key} came twice")
    self._seen.add(key)

  def _beat(self, info: Any) -> None:
    if info["epoch"] != self._epoch:
      self._epoch = info["epoch"]
      self._begins[self._epoch] = info["seq"]
    self._place = max(self._place, info["seq"])

  def _gap(self, gap: Any) -> None:
    """One that names no number concerns all between what came and what comes."""
    first, last = gap["from_seq"], gap["to_seq"]
    if first is None:
      first, last = self._place + 1, math.inf
    self._lost.setdefault(self._epoch, []).append((first, last))

  async def _try_again(self) -> None:
    """The token of a stream that was deleted, once the same stream is there again."""
    await self._request("POST", "/v1/streams", {"spec": self._spec()}, (200, 201))
    with trio.move_on_after(TRIED):
      try:
        async with Stream(self.url) as stream:
          async for message in stream:
            if message.get("type") != "error":
              raise Violation(0, f"a token was accepted after its stream was deleted: {message}")
      except Refused:
        return

  def missing(self) -> str | None:
    """What has not happened yet."""
    if not self.url:
      return f"the stream of {self.plan} was not made"
    if not self.done:
      return f"the stream of {self.plan} is not deleted"
    return None if self._deleted_at < math.inf else self._missing()

  def _missing(self) -> str | None:
    """A row that neither came nor was declared to be lost."""
    begin, came = self._begins.get(self._epoch), self._came.get(self._epoch, set())
    if begin is None:
      return f"the stream of {self.plan} has not come"
    lost = self._lost.get(self._epoch, [])
    for appended in self.log.appended:
      if appended.epoch != self._epoch or appended.at > trio.current_time() - UNDER_WAY:
        continue
      for number, event in enumerate(appended.batch, appended.first):
        if type(event).__name__ != "Window" or number <= begin or number in came:
          continue
        if not any(first <= number <= last for first, last in lost):
          return f"{number} of {self._epoch} is missing: {event}"
    return None


def _url(given: str) -> str:
  parts = urlsplit(given)
  return f"ws://127.0.0.1:8080{parts.path}?{parts.query}"
