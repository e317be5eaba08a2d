"""One WebSocket of Binance: the streams in its URL, control messages, and the path split of USD-M
futures (a stream asked for on the wrong path is accepted and never served, as on the venue)."""

from collections.abc import Callable

import msgspec

from bond_sim.binance import control, limits
from bond_sim.binance.paths import SPOT, Place
from bond_sim.binance.source import Source
from bond_sim.binance.streams import parse_stream
from bond_sim.hub import Wrap
from bond_sim.websocket import Close, Connection


def is_stream_path(path: str) -> bool:
  """Whether a path is /ws, /ws/<streams> or /stream."""
  return path in ("/ws", "/stream", "/stream/") or path.startswith("/ws/")


class BinanceSession:
  """The subscriptions of one connection. `ignored` is told each name that will stay silent, and
  why."""

  def __init__(
    self,
    source: Source,
    connection: Connection,
    place: Place,
    ignored: Callable[[str, str], None],
  ) -> None:
    self._source = source
    self._connection = connection
    self._place = place
    self._ignored = ignored
    self._combined = place.path.startswith("/stream")
    self._joined: dict[str, tuple[str, Wrap] | None] = {}
    source.hub.open(connection, self.notice)
    listed = connection.request.param("streams") if self._combined else place.path[4:]
    self._subscribe([name for name in (listed or "").split("/") if name])

  def received(self, data: bytes, *, binary: bool) -> None:
    if binary:
      self._connection.finish(Close(1008, "Invalid request"))
      return
    try:
      message = control.read_message(data, spot=self._place.market == SPOT)
      result = self._carry_out(message)
      answer = {"result": result, "id": message.id}
    except control.ControlError as error:
      answer = error.body
    self._connection.send_text(msgspec.json.encode(answer))

  def closed(self) -> None:
    self._source.hub.close(self._connection)

  def notice(self) -> bytes | None:
    """The serverShutdown event of spot; futures document none."""
    if self._place.market != SPOT:
      return None
    event = msgspec.json.encode({"e": "serverShutdown", "E": self._source.now_ms()})
    wrap = self._wrap("!serverShutdown")
    return wrap.prefix + event + wrap.suffix

  def _carry_out(self, message: control.Message) -> list[str] | bool | None:
    if message.method == "SUBSCRIBE":
      self._subscribe(control.stream_names(message))
    elif message.method == "UNSUBSCRIBE":
      for name in control.stream_names(message):
        self._leave(name)
    elif message.method == "LIST_SUBSCRIPTIONS":
      return list(self._joined)
    else:
      value = control.property_value(message)
      if value is None:
        return self._combined
      if value != self._combined:
        names = list(self._joined)
        for name in names:
          self._leave(name)
        self._combined = value
        self._subscribe(names)
    return None

  def _subscribe(self, names: list[str]) -> None:
    for name in names:
      if name in self._joined:
        continue
      stream = self._find(name)
      self._joined[name] = None if stream is None else (stream, self._wrap(name))
      if stream is not None:
        self._source.hub.join(self._connection, stream, self._wrap(name))
    if len(self._joined) > limits.MAX_STREAMS:
      # The limit is published, the answer is not.
      self._connection.finish(Close(1008, "Too many subscriptions"))

  def _leave(self, name: str) -> None:
    joined = self._joined.pop(name, None)
    if joined is not None:
      self._source.hub.leave(self._connection, *joined)

  def _find(self, name: str) -> str | None:
    stream = parse_stream(self._place.market, name)
    if stream is None:
      self._ignored(name, "no such stream")
      return None
    # A connection without a routed path gets what belongs to /public.
    if self._place.market != SPOT and (self._place.route or "public") != stream.routed:
      self._ignored(name, f"served on /{stream.routed} only")
      return None
    found = self._source.resolve(self._place.market, name)
    if found is None:
      self._ignored(name, "the market has no such symbol, or the recording no such stream")
    return found

  def _wrap(self, name: str) -> Wrap:
    if not self._combined:
      return Wrap()
    return Wrap(b'{"stream":%b,"data":' % msgspec.json.encode(name), b"}")
