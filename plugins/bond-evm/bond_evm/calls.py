"""JSON-RPC requests: numbered, a few at a time, repeated a few times."""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import attrs

from bond_evm.messages import UNREADABLE, Error, Message, request

MAX_OPEN = 8
"""Requests without an answer at a time."""
ANSWER_WITHIN = 30.0
"""Seconds after which a node that does not answer is given up."""

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try."""


def always(error: Error) -> bool:
  """Every error is an answer."""
  return True


def never(error: Error) -> bool:
  """No error is an answer."""
  return False


@attrs.define(eq=False)
class Call:
  """One request. `done` takes the result and returns whether it can be used. Where it cannot, and
  after an error, the call is repeated; in the end `failed` takes the error, at once where it is
  `final`."""

  method: str
  params: list[Any]
  done: Callable[[Message], bool]
  failed: Callable[[Error], None]
  final: Callable[[Error], bool] = never
  tries: int = 0
  sent_at: float = 0.0


class Calls:
  """The requests of one connection. Times are seconds of a steady clock."""

  def __init__(self) -> None:
    self._numbers = count(1)
    self._open: dict[int, Call] = {}
    self._ready: deque[Call] = deque()
    self._later: list[tuple[float, Call]] = []

  def add(self, call: Call) -> None:
    """Queues a request."""
    self._ready.append(call)

  def send(self, now: float) -> list[bytes]:
    """Returns the requests whose turn it is."""
    due = [call for when, call in self._later if when <= now]
    self._later = [entry for entry in self._later if entry[0] > now]
    self._ready.extend(due)
    sent = []
    while self._ready and len(self._open) < MAX_OPEN:
      call, number = self._ready.popleft(), next(self._numbers)
      call.sent_at = now
      self._open[number] = call
      sent.append(request(number, call.method, call.params))
    return sent

  def answered(self, message: Message, now: float) -> None:
    """Takes an answer. One to no open request is ignored."""
    call = None if message.id is None else self._open.pop(message.id, None)
    if call is None:
      return
    error = message.error
    if error is None:
      try:
        if call.done(message):
          return
        error = Error(0, f"there is no answer to {call.method}")
      except UNREADABLE as exc:
        error = Error(0, f"the answer to {call.method} could not be read: {str(exc)[:200]}")
    if call.final(error) or call.tries >= len(WAITS):
      call.failed(error)
      return
    self._later.append((now + WAITS[call.tries], call))
    call.tries += 1

  def overdue(self, now: float) -> str | None:
    """Returns the method of a request that was not answered in time, None where all were."""
    late = (call for call in self._open.values() if now - call.sent_at > ANSWER_WITHIN)
    return next((call.method for call in late), None)
