"""How much one caller may have of the answers of a server."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from bond_server.access.limits import Allowance
from bond_server.answers.refused import QuestionRefused


def _limit(default: int, what: str) -> int:
  value: int = attrs.field(
    default=default, validator=attrs.validators.ge(0), metadata={"help": f"{what}; 0: no limit."}
  )
  return value


@attrs.frozen
class AnswerLimits:
  """Of one key, token or, on loopback, of all local callers together."""

  calls_a_minute: int = _limit(6_000, "Questions of one key in a minute")
  markets: int = _limit(200, "Markets that one key keeps subscribed to by its questions")
  unknown_a_minute: int = _limit(60, "Markets that there are not, of one key in a minute")
  waiting: int = _limit(256, "Questions of one key that wait at the same time")


class Allowances:
  """What callers have spent of their limits."""

  def __init__(self, limits: AnswerLimits) -> None:
    self.limits = limits
    self.waiting: Counter[str] = Counter()
    self._calls = Allowance(limits.calls_a_minute)
    self._unknown = Allowance(limits.unknown_a_minute)

  def call(self, caller: str) -> None:
    """Counts a question. Raises QuestionRefused where there were too many."""
    now = trio.current_time()
    if wait := self._calls.wait(caller, now):
      most = self.limits.calls_a_minute
      raise _too_many(f"there are {most} questions a minute with these credentials", wait)
    if wait := self._unknown.wait(caller, now):
      most = self.limits.unknown_a_minute
      raise _too_many(f"more than {most} markets a minute were named that there are not", wait)
    self._calls.spend(caller, now, 1)

  def unknown(self, caller: str) -> None:
    """Counts a market that there is not."""
    self._unknown.spend(caller, trio.current_time(), 1)

  @contextmanager
  def place_to_wait(self, caller: str) -> Iterator[None]:
    """A place among the questions that wait, for as long as the block lasts. Raises QuestionRefused
    where there is none."""
    most = self.limits.waiting
    if most and self.waiting[caller] >= most:
      raise _too_many(f"{most} questions with these credentials wait already", 1.0)
    self.waiting[caller] += 1
    try:
      yield
    finally:
      self.waiting[caller] -= 1
      if not self.waiting[caller]:
        del self.waiting[caller]


def _too_many(why: str, wait: float) -> QuestionRefused:
  return QuestionRefused(429, f"{why}; come back in {max(1, round(wait))} s", retry_after=wait)
