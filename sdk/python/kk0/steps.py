"""What a stream does, step by step, for drivers that wait in different ways.

Each function is a generator: it yields what it needs (an Op), has the result sent in, and has what
went wrong thrown in. So connecting, reading and reconnecting are written once, for every way of
waiting.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

from kk0.session import Message, Session

# A server sends a heartbeat every 30 s; a connection that is silent for twice as long is dead.
SILENT_AFTER = 65.0


class Lost(Exception):
  """The connection has ended, or never came to be; with a close code or HTTP status if there was
  one."""

  def __init__(self, code: int | None = None, reason: str = "") -> None:
    super().__init__(code, reason)
    self.code = code
    self.reason = reason


class Op(NamedTuple):
  """What a driver has to do: `connect` (URL), `send` (text), `receive` (seconds), `sleep` (seconds)
  `drop` (nothing) or `renew` (nothing; the new URL)."""

  name: str
  value: Any = None


Steps = Generator[Op, Any, Any]


def connect(session: Session) -> Steps:
  """Until there is a connection on which every subscription has been sent."""
  while True:
    try:
      if session.expired:
        session.move((yield Op("renew")))
      yield Op("connect", session.url())
      for message in session.connected():
        yield Op("send", message)
      return
    except Lost as exc:
      yield Op("drop")
      if exc.code is None:
        session.unreachable(exc.reason)
      yield Op("sleep", session.lost(exc.code, exc.reason))


def subscribe(session: Session, message: str) -> Steps:
  """Sends a subscription; a connection that breaks meanwhile is taken up again with it."""
  try:
    yield Op("send", message)
  except Lost as exc:
    yield Op("drop")
    yield Op("sleep", session.lost(exc.code, exc.reason))
    yield from connect(session)


def receive(session: Session, silent_after: float) -> Generator[Op, Any, Message]:
  """The next message, over as many connections as it takes."""
  declared, session.declared = session.declared, None
  if declared is not None:
    return declared
  while True:
    try:
      text = yield Op("receive", silent_after)
      return session.take(text)
    except ValueError:
      # Damaged on its way: the next connection goes on where this one was whole.
      lost = Lost(None, "what came was no message")
    except Lost as exc:
      lost = exc
    yield Op("drop")
    yield Op("sleep", session.lost(lost.code, lost.reason))
    yield from connect(session)
