"""What a message means that is not a topic's usual one: answers to requests, notices, pongs."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from bond_core._feeds.contract import Expire, Pong, Reset


@attrs.frozen
class TopicMessage:
  """A topic's message that does not begin as usual. `frame` is it in the usual form, None where it
  can be read as it is."""

  name: str
  frame: bytes | None = None


@attrs.frozen
class Confirmed:
  """A request was confirmed: the topic `name` of it, or all of it. Without a `number` it is the
  oldest request that fits."""

  number: int | None
  name: str | None = None


@attrs.frozen
class Denied:
  """A request was refused, with the venue's reason; `names` are the topics that the answer says are
  wrong. A `passing` refusal is not about what was requested, nor is one that has neither a `number`
  nor names: it is requested again later."""

  number: int | None
  reason: str
  names: tuple[str, ...] = ()
  passing: bool = False


@attrs.frozen
class Unknown:
  """A message of nothing that is known here, counted in the feed's `unknown`."""


Answer: TypeAlias = TopicMessage | Confirmed | Denied | Unknown | Expire | Pong | Reset

ReadAnswer: TypeAlias = Callable[[int, bytes], Answer | None]
"""(connection, message) → what it means, None for a message that calls for nothing. Raises
UNREADABLE for one that cannot be decoded."""
