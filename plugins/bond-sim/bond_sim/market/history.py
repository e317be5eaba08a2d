"""The history of a generated contract: settled funding rates and open interest, newest first."""

import random
from collections import deque
from collections.abc import Iterator

STEP_MS, STEPS = 300_000, 2016
FUNDING_MS = 8 * 3_600_000
INTEREST_RATE, CLAMP = 0.0001, 0.0005


def rate_of(premium: float) -> str:
  """The funding rate for a premium over the index: the fixed interest rate where both are close."""
  return f"{premium + max(-CLAMP, min(CLAMP, INTEREST_RATE - premium)):.8f}"


class ContractHistory:
  """Funding rates and open interest of a contract. What was published while it traded is stored
  (open interest for a week, in steps of five minutes); what was before is drawn from the seed, so
  that it is the same for every request."""

  def __init__(self, seed: str, now_ms: int, interest: int) -> None:
    self._seed = seed
    self._first = interest
    self._interests = deque([(now_ms - now_ms % STEP_MS, interest)], maxlen=STEPS)
    self._rates: dict[int, str] = {}

  def add_rate(self, rate: str, funding_ms: int) -> None:
    """A rate was published for the next funding; the last rate published is the one paid."""
    self._rates[funding_ms] = rate

  def add_interest(self, interest: int, at_ms: int) -> None:
    """Open interest has changed to `interest` lots."""
    step = at_ms - at_ms % STEP_MS
    if self._interests[-1][0] == step:
      self._interests.pop()
    self._interests.append((step, interest))

  def rates(self, until_ms: int) -> Iterator[tuple[int, str]]:
    """(epoch ms, rate) of each funding at or before `until_ms`, without end."""
    for at in range(until_ms - until_ms % FUNDING_MS, -1, -FUNDING_MS):
      chance = random.Random(f"{self._seed} funding {at}")
      yield at, self._rates.get(at) or rate_of(chance.gauss(0.0, 0.0004))

  def interests(self, until_ms: int, length_ms: int) -> Iterator[tuple[int, int]]:
    """(epoch ms, lots) at the beginning of each interval at or before `until_ms`, without end. An
    interval is a multiple of five minutes."""
    for at in range(until_ms - until_ms % length_ms, -1, -length_ms):
      yield at, self._interest(at)

  def _interest(self, at_ms: int) -> int:
    for step, interest in reversed(self._interests):
      if step < at_ms:
        return interest
    chance = random.Random(f"{self._seed} interest {at_ms}")
    return max(1, round(self._first * chance.uniform(0.98, 1.02)))
