"""One WebSocket of Bybit: subscribe, unsubscribe and ping, each answered once; one topic that there
is not fails its whole request ("WebSocket Connect")."""

from collections import Counter
from typing import Any

import msgspec

from bond_sim.bybit.world import World
from bond_sim.hub import Wrap
from bond_sim.market.products import SPOT
from bond_sim.websocket import Close, Connection

SPOT_ARGUMENTS = 10
CHARACTERS = 21_000


class BybitSession:
  """The subscriptions of one connection."""

  def __init__(
    self, world: World, connection: Connection, category: str, violations: Counter[str]
  ) -> None:
    self._world = world
    self._connection = connection
    self._category = category
    self._violations = violations
    self._joined: dict[str, str] = {}
    world.venue.hub.open(connection, lambda: None)

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
    except ValueError:
      self._connection.finish(Close(1003, "no JSON object"))
      return
    operation, number = request.get("op"), str(request.get("req_id", ""))
    topics = request.get("args", [])
    if operation == "ping":
      self._answer(True, "pong", "ping", number)
    elif operation not in ("subscribe", "unsubscribe"):
      self._answer(False, "error:invalid op", str(operation), number)
    elif not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
      self._answer(False, "error:invalid args", operation, number)
    elif operation == "subscribe":
      self._subscribe(topics, number)
    else:
      for topic in topics:
        name = self._joined.pop(topic, None)
        if name is not None:
          self._world.venue.hub.leave(self._connection, name, Wrap())
      self._answer(True, "unsubscribe", operation, number)

  def closed(self) -> None:
    self._world.venue.hub.close(self._connection)

  def _subscribe(self, topics: list[str], number: str) -> None:
    problem = self._problem(topics)
    if problem is not None:
      self._answer(False, problem, "subscribe", number)
      return
    found = [(topic, self._world.stream(self._category, topic)) for topic in topics]
    missing = next((topic for topic, stream in found if stream is None), None)
    if missing is not None:
      self._answer(False, f"error:handler not found,topic:{missing}", "subscribe", number)
      return
    self._answer(True, "subscribe", "subscribe", number)
    hub = self._world.venue.hub
    for topic, stream in found:
      if stream is None or topic in self._joined:
        continue
      name = self._joined[topic] = f"{self._category} {topic}"
      first = self._world.venue.read(*stream, name)
      if first is not None:
        self._connection.send_text(first)
      hub.join(self._connection, name, Wrap())

  def _problem(self, topics: list[str]) -> str | None:
    """What is wrong with a request by the published limits."""
    if self._category == SPOT and len(topics) > SPOT_ARGUMENTS:
      self._violations["topics a request"] += 1
      return f"args size >{SPOT_ARGUMENTS}"
    if sum(map(len, {*self._joined, *topics})) > CHARACTERS:
      self._violations["characters of topics"] += 1
      return f"error:args length exceeds {CHARACTERS}"
    return None

  def _answer(self, success: bool, told: str, operation: str, number: str) -> None:
    self._connection.send_text(
      msgspec.json.encode(
        {
          "success": success,
          "ret_msg": told,
          "conn_id": f"{self._connection.number:08x}",
          "req_id": number,
          "op": operation,
        }
      )
    )
