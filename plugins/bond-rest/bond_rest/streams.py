"""Makes, stores and ends the streams of a server."""

import logging
import re
import sqlite3
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec
import trio
from bond_commandkit import Answer, TextToSpec, say
from bond_server.doors import Server

from bond_core import BondError, PluginError, Spec, SpecError, load_spec
from bond_core.logs import EngineError
from bond_core.services import Stream
from bond_core.specs import stream_id
from bond_rest.config import RestConfig
from bond_rest.figures import rfc3339
from bond_rest.problems import ApiError, of_spec
from bond_rest.quotas import check_quotas
from bond_rest.store import Store, StoredStream

logger = logging.getLogger("bond.rest")

PUBLISH = "core.stream"
"""The sink that shows a stream to clients; it is added to a spec without sinks."""

NOT_RESTORED = "it was not restored, as --no-restore says; POST its spec again to start it"

ENDED = "its sources have ended; DELETE it, and POST its spec again to start it anew"
STOPPED = "it has stopped; POST its spec again to start it"

MAX_NAMED = 20
"""Restored streams that are listed by their names."""

EVERY_ADDRESS = ("0.0.0.0", "::")
"""What a broker listens on that is reached by every address of the machine."""
_PORT = re.compile(":[0-9]*$")

MAX_REQUEST = 600
"""Characters of a request in English."""


@attrs.frozen
class Entry:
  """A stored stream, and why it does not run where it does not."""

  stored: StoredStream
  problem: str | None = None


class Streams:
  """The streams by their ids. What is stored runs, or says why it cannot."""

  def __init__(self, server: Server, store: Store, config: RestConfig) -> None:
    self._server = server
    self._store = store
    self._config = config
    self._entries: dict[str, Entry] = {}
    self._restored = False
    # Creating, replacing and deleting look at what is there before they change it.
    self._changing = trio.Lock()
    self._reader: TextToSpec | None = None
    self._reading = trio.CapacityLimiter(1)

  # What is there ---------------------------------------------------------------------------------

  async def restore(self) -> None:
    """Starts everything that is stored, and says what that is. What cannot start, or is not to,
    stays and says why."""
    names = []
    for stored in await self._store.all():
      problem = NOT_RESTORED if self._config.no_restore else None
      name = f"{stored.document.get('name') or 'a stream'} /ws/{stored.id}"
      try:
        if problem is None:
          spec = await self._read(msgspec.json.encode(stored.document).decode())
          await self._server.streams.start(spec, min(stored.owners, default=""))
          names.append(name)
      except (BondError, ApiError) as exc:
        problem = str(exc)
        logger.error("stream %s does not run: %s", stored.id, problem)
      self._entries[stored.id] = Entry(stored, problem)
    self._restored = True
    if self._entries and self._config.no_restore:
      say(f"api: {len(self._entries)} stored streams were not restored")
    elif names:
      more = len(names) - MAX_NAMED
      rest = f", and {more} more" if more > 0 else ""
      say(f"api: restored {len(names)} stored streams: {', '.join(names[:MAX_NAMED])}{rest}")

  def of(self, owner: str) -> list[dict[str, Any]]:
    """The streams of an owner, the oldest first."""
    return [self.shown(i) for i, e in self._entries.items() if owner in e.stored.owners]

  def entry(self, stream: str, owner: str) -> Entry:
    """A stream of an owner. Raises ApiError 404 for any other, and 503 where it may be among
    those that are being started now."""
    found = self._entries.get(stream)
    mine = found is not None and owner in found.stored.owners
    if not mine and not self._restored:
      message = (
        "this server has just started and not all of its streams run yet; come back in a moment"
      )
      raise ApiError(503, message, headers={"Retry-After": "1"})
    if found is None or not mine:
      raise ApiError(404, f"there is no stream {stream[:40]} of yours; GET /v1/streams lists them")
    return found

  def running(self, stream: str) -> Stream | None:
    """The running stream."""
    return self._server.streams.get(stream)

  @property
  def failed(self) -> dict[str, str]:
    """What is stored and does not run, and why."""
    return {i: e.problem for i, e in self._entries.items() if e.problem is not None}

  def __len__(self) -> int:
    return len(self._entries)

  def shown(self, stream: str) -> dict[str, Any]:
    """A stream in a list."""
    entry = self._entries[stream]
    shown: dict[str, Any] = {
      "stream_id": stream,
      "running": self._works(stream),
      "spec": entry.stored.document,
      "created_at": rfc3339(entry.stored.created_at),
    }
    running = self.running(stream)
    if running is not None and (simulated := running.status().simulated):
      shown["simulated"] = simulated
    if problem := entry.problem or self._failure(stream):
      shown["problem"] = problem
    elif not shown["running"]:
      shown["problem"] = ENDED if running is not None else STOPPED
    return shown

  def _works(self, stream: str) -> bool:
    running = self.running(stream)
    return running is not None and not running.status().ended

  def _failure(self, stream: str) -> str | None:
    running = self.running(stream)
    return None if running is None else "; ".join(running.status().failures) or None

  # From texts to specs ---------------------------------------------------------------------------

  async def understand(self, text: str) -> Answer:
    """What a request in English means."""
    if len(text) > MAX_REQUEST:
      raise ApiError(422, f"a request has up to {MAX_REQUEST} characters; say less, or send a spec")
    try:
      if self._reader is None:
        listed = not self._server.simulates
        self._reader = TextToSpec(self._server.registry, trusted=False, listed=listed)
      # A parser may take its time, a language model surely does.
      return await trio.to_thread.run_sync(self._reader.read, text)
    except PluginError as exc:
      raise ApiError(501, str(exc)) from exc

  async def confirmed(self, answer: Answer, *, confirm: bool) -> Spec:
    """The spec of an answer that may start: ok and warn do, ask and what is in no kept list of
    markets do where a person has confirmed it, reject never. ApiError 422 with the questions
    otherwise."""
    reading = answer.reading
    if answer.unlisted and not confirm:
      raise ApiError(
        422, f'{" ".join(answer.problems)}. Name another one, or send "confirm": true to try it.'
      )
    unconfirmed = reading.outcome == "ask" and not confirm
    if reading.spec is None or reading.missing or unconfirmed or reading.outcome == "reject":
      message = reading.missing or reading.questions or [reading.sentence]
      detail = " ".join(message)
      if unconfirmed and reading.spec is not None and not reading.missing:
        detail += ' Say more, or send "confirm": true to start what was understood.'
      raise ApiError(422, detail or "nothing in this request can be started")
    return await self._read(msgspec.json.encode(reading.spec).decode())

  async def spec_of(self, given: dict[str, Any] | str) -> Spec:
    """The checked spec of plain data, or of YAML or JSON text. ApiError 422 with every problem."""
    if isinstance(given, str):
      return await self._read(given, lines=True)
    return await self._read(msgspec.json.encode(given).decode())

  async def _read(self, text: str, *, lines: bool = False) -> Spec:
    # Expressions are compiled meanwhile, which takes most of a second for a large spec. One at a
    # time, so that many callers hold up each other and not the event loop.
    reading = partial(self._check, text, lines=lines)
    return await trio.to_thread.run_sync(reading, limiter=self._reading)

  def _check(self, text: str, *, lines: bool) -> Spec:
    registry = self._server.registry
    try:
      spec = load_spec(text, file="spec", registry=registry, trusted=False)
      if not spec.sinks:
        shown = {
          **spec.document,
          "sinks": {_free_name(spec): {"use": PUBLISH, "from": _ends(spec)}},
        }
        text = msgspec.json.encode(shown).decode()
        spec = load_spec(text, file="spec", registry=registry, trusted=False)
    except SpecError as exc:
      raise of_spec(exc, lines=lines) from exc
    if not any(sink.type.publishes for sink in spec.sinks.values()):
      message = (
        f"no client could read this stream: none of its sinks is {PUBLISH}; leave sinks out for one"
      )
      raise ApiError(422, message, problems=[{"path": "sinks", "line": None, "message": message}])
    try:
      self._server.streams.check(spec)
    except BondError as exc:
      raise ApiError(422, str(exc)) from exc
    return spec

  # Changes ---------------------------------------------------------------------------------------

  async def create(self, spec: Spec, owner: str) -> tuple[str, bool]:
    """Stores and starts a stream; returns its id, and whether it is new to this caller. ApiError
    429 where the caller has as many as it may."""
    async with self._changing:
      return await self._create(spec, owner)

  async def _create(self, spec: Spec, owner: str, *, in_place_of: str = "") -> tuple[str, bool]:
    stream = stream_id(spec)
    known = self._entries.get(stream)
    if known is not None and owner in known.stored.owners and self.running(stream) is not None:
      return stream, False
    new = known is None or owner not in known.stored.owners
    most = self._config.max_streams
    held = sum(owner in e.stored.owners for i, e in self._entries.items() if i != in_place_of)
    if new and most and held >= most:
      raise ApiError(
        429,
        f"you have {held} streams, and {most} is the most; DELETE /v1/streams/{{id}} one that you "
        "need no more, or have the operator raise --max-streams",
        headers={"Retry-After": "60"},
      )
    if new or self.running(stream) is None:
      others = [i for i, e in self._entries.items() if owner in e.stored.owners]
      beside = [self.running(i) for i in others if i not in (in_place_of, stream)]
      check_quotas(spec, [one.spec for one in beside if one is not None], self._config)
    try:
      running = await self._server.streams.start(spec, owner)
    except EngineError as exc:
      # A disk that is full, say: the spec is right, and may be sent again.
      raise ApiError(503, str(exc), headers={"Retry-After": "5"}) from exc
    except BondError as exc:
      raise ApiError(422, str(exc)) from exc
    me = frozenset((owner,))
    # The tokens of what the operator's own spec runs too are not a caller's alone either.
    joined = me if running.caller is None else frozenset[str]()
    stored = StoredStream(stream, spec.document, running.status().created_at, me, joined)
    if known is not None:
      stored = known.stored
      if new:
        stored = attrs.evolve(stored, owners=stored.owners | me, joined=stored.joined | me)
    try:
      await self._store.add(stored, owner)
    except sqlite3.Error as exc:
      if known is None:
        await self._end(stream)
      raise ApiError(503, f"the stream cannot be stored: {exc}; try again later") from exc
    self._entries[stream] = Entry(stored)
    return stream, new

  async def replace(self, stream: str, spec: Spec, owner: str) -> str:
    """Puts another spec in the place of a stream's; returns the id of what runs now, which follows
    from the spec."""
    async with self._changing:
      self.entry(stream, owner)
      new, _ = await self._create(spec, owner, in_place_of=stream)
      if new != stream:
        await self._delete(stream, owner)
      return new

  async def delete(self, stream: str, owner: str) -> None:
    """Ends a stream and its tokens, and removes its log, once it has no other owner.
    Raises ApiError 503 where it ended and some of it is still there."""
    async with self._changing:
      self.entry(stream, owner)
      await self._delete(stream, owner)

  async def _delete(self, stream: str, owner: str) -> None:
    entry = self._entries[stream]
    others = entry.stored.owners - {owner}
    running = self.running(stream)
    withdraw = self._server.access.withdraw
    try:
      # Tokens end first: an open socket ends within a second, whatever the stream still does.
      if entry.stored.named(owner):
        await trio.to_thread.run_sync(withdraw, stream, owner)
      if not others or not entry.stored.named(owner):
        await trio.to_thread.run_sync(withdraw, stream)
      if others:
        await self._store.drop(stream, owner)
        stored = attrs.evolve(entry.stored, owners=others, joined=entry.stored.joined - {owner})
        self._entries[stream] = attrs.evolve(entry, stored=stored)
        return
      # What the operator's own spec runs too is not a caller's to end.
      if running is None or running.caller is not None:
        await self._server.streams.remove(stream)
      # It is known until all of it is gone: a server that is killed on the way here has it again.
      await self._store.drop(stream, owner)
    except (BondError, OSError, sqlite3.Error) as exc:
      message = f"the stream could not be deleted, or not all of it: {exc}; DELETE it again"
      if not others:
        self._entries[stream] = attrs.evolve(entry, problem=message)
      raise ApiError(503, message, headers={"Retry-After": "5"}) from exc
    del self._entries[stream]

  async def _end(self, stream: str) -> None:
    """Ends what was not stored, and removes its log as far as that goes."""
    try:
      await self._server.streams.remove(stream)
    except EngineError as exc:
      logger.error("stream %s has ended, but its log is still there: %s", stream, exc)

  # Answers ---------------------------------------------------------------------------------------

  def answered(
    self, stream: str, owner: str, understood: dict[str, Any] | None, host: str
  ) -> dict[str, Any]:
    """What one gets who made a stream and has called this server `host`."""
    token = self.token(stream, owner)
    return {
      "stream_id": stream,
      "ws_url": self.ws_url(stream, token, host),
      "access_token": token,
      "spec": self.entry(stream, owner).stored.document,
      "understood": understood,
    }

  # Tokens ----------------------------------------------------------------------------------------

  def token(self, stream: str, owner: str) -> str:
    """A token with which an owner reads the stream for as long as tokens are valid here."""
    holder = owner if self._entries[stream].stored.named(owner) else ""
    return self._server.access.token(stream, self._config.token_ttl, holder)

  def ws_url(self, stream: str, token: str, host: str) -> str:
    """Where a client reads the stream that has called this server `host`."""
    return f"{self._broker(host)}/ws/{stream}?token={token}"

  def _broker(self, host: str) -> str:
    given = self._config.ws_host
    if given:
      return given.rstrip("/") if "://" in given else f"ws://{given}"
    listens = self._server.addresses.values()
    found = [a for several in listens for a in several if a.startswith(("ws://", "wss://"))]
    url = urlsplit(found[0] if found else "ws://localhost:8080")
    if url.hostname not in EVERY_ADDRESS:
      return url.geturl()
    # A listener at every address has none that a client could use, but the one that it came by.
    return f"{url.scheme}://{_PORT.sub('', host)}:{url.port}"


def _ends(spec: Spec) -> list[str]:
  """The nodes that no transform reads."""
  read = {key for node in spec.transforms.values() for key in node.inputs}
  return [key for key in (*spec.sources, *spec.transforms) if key not in read]


def _free_name(spec: Spec) -> str:
  taken = {*spec.sources, *spec.transforms}
  return next(
    name for name in ("feed", *(f"feed-{n}" for n in range(2, 1000))) if name not in taken
  )
