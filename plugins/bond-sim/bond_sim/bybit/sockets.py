"""One WebSocket of Bybit: subscribe, unsubscribe and ping, each answered once; one topic that does
not exist fails its whole request ("WebSocket Connect")."""

from collections import Counter
from typing import Any

import msgspec
from bond_simkit import ClientConnection, CloseFrame

from bond_sim.bybit.listing import BybitCategory
from bond_sim.bybit.markets import BybitMarkets
from bond_sim.market.products import SPOT

SPOT_ARGUMENTS = 10
CHARACTERS = 21_000


class BybitClientHandler:
  """The subscriptions of one connection."""

  def __init__(
    self,
    markets: BybitMarkets,
    connection: ClientConnection,
    category: BybitCategory,
    violations: Counter[str],
  ) -> None:
    self._markets = markets
    self._fanout = markets.fanout
    self._connection = connection
    self._category = category
    self._violations = violations
    self._subscriptions: dict[str, str] = {}
    """Topic of the fan-out by the venue's topic."""
    self._fanout.open(connection)

  def received(self, data: bytes, *, binary: bool) -> None:
    try:
      request = msgspec.json.decode(data, type=dict[str, Any])
    except ValueError:
      self._connection.finish(CloseFrame(1003, "no JSON object"))
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
        published_as = self._subscriptions.pop(topic, None)
        if published_as is not None:
          self._fanout.unsubscribe(self._connection, published_as)
      self._answer(True, "unsubscribe", operation, number)

  def closed(self) -> None:
    self._fanout.close(self._connection)

  def _subscribe(self, names: list[str], number: str) -> None:
    problem = self._problem(names)
    if problem is not None:
      self._answer(False, problem, "subscribe", number)
      return
    channels = [(name, self._markets.find(self._category, name)) for name in names]
    missing = next((name for name, channel in channels if channel is None), None)
    if missing is not None:
      self._answer(False, f"error:handler not found,topic:{missing}", "subscribe", number)
      return
    self._answer(True, "subscribe", "subscribe", number)
    for name, channel in channels:
      if channel is None or name in self._subscriptions:
        continue
      self._subscriptions[name] = channel.topic
      for message in channel.first():
        self._connection.send_text(message)
      self._fanout.subscribe(self._connection, channel.topic)

  def _problem(self, names: list[str]) -> str | None:
    """What is wrong with a request by the published limits, None where it keeps them."""
    if self._category == SPOT and len(names) > SPOT_ARGUMENTS:
      self._violations["topics a request"] += 1
      return f"args size >{SPOT_ARGUMENTS}"
    if sum(map(len, {*self._subscriptions, *names})) > CHARACTERS:
      self._violations["characters of topics"] += 1
      return f"error:args length exceeds {CHARACTERS}"
    return None

  def _answer(self, success: bool, message: str, operation: str, number: str) -> None:
    self._connection.send_text(
      msgspec.json.encode(
        {
          "success": success,
          "ret_msg": message,
          "conn_id": f"{self._connection.number:08x}",
          "req_id": number,
          "op": operation,
        }
      )
    )
