import random

from hypothesis import given, strategies as st

from bond_core._feeds.liveness import Rhythm, SourceState
from bond_core._feeds.rate_limit import RateLimit
from bond_core._supervise import Backoff, RestartBudget


@given(
  st.integers(1, 20),
  st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_no_window_ever_holds_more_than_the_rate(count, asks):
  pace = RateLimit(count, 1.0)
  now = 0.0
  spent = []
  for pause, units in asks:
    now += pause
    units = min(units, count)
    while wait := pace.delay(now, units):
      now += wait + 1e-9
    pace.spend(now, units)
    spent.append((now, units))
  for start, _ in spent:
    assert sum(units for when, units in spent if start <= when < start + 1.0) <= count


def test_more_units_than_the_window_holds_wait_for_an_empty_one():
  pace = RateLimit(10, 60)
  assert pace.delay(0, 50) == 0
  pace.spend(0, 50)
  assert pace.delay(1, 1) == 59


def test_a_block_by_the_venue_holds_even_when_the_window_is_empty():
  pace = RateLimit(10, 60)
  pace.block(30)
  assert pace.delay(10) == 20
  assert pace.delay(30) == 0


def test_backoff_doubles_its_bound_up_to_the_cap_and_starts_again():
  class Highest(random.Random):
    def uniform(self, a, b):
      return b

  backoff = Backoff(first=1, cap=10, rng=Highest())
  assert [backoff.delay() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
  backoff.reset()
  assert backoff.delay() == 1


def test_backoff_is_fully_jittered():
  backoff = Backoff(first=8, cap=8, rng=random.Random(3))
  delays = [backoff.delay() for _ in range(2000)]
  assert 0 <= min(delays) < 0.2
  assert 7.8 < max(delays) <= 8
  assert 3.7 < sum(delays) / len(delays) < 4.3


def test_a_restart_budget_counts_within_its_time():
  budget = RestartBudget(restarts=2, seconds=10)
  assert [budget.spend(t) for t in (0, 1, 2)] == [True, True, False]
  assert budget.spend(20)


def test_a_known_rhythm_makes_a_long_silence_stale_and_a_short_one_quiet():
  rhythm = Rhythm(0)
  for i in range(100):
    rhythm.heard(i * 0.1)
  assert rhythm.state(10) is SourceState.LIVE
  assert rhythm.state(16) is SourceState.QUIET
  assert rhythm.state(21) is SourceState.STALE


def test_a_silence_in_which_pings_are_answered_is_normal_from_then_on():
  rhythm = Rhythm(0)
  for i in range(100):
    rhythm.heard(i * 0.1)
  assert rhythm.state(21) is SourceState.STALE
  rhythm.answered(21)
  assert rhythm.state(21) is SourceState.QUIET
  assert rhythm.limit() > 50
  rhythm.answered(4000)
  # Also beyond what counts while nothing is known, and over a reconnection.
  rhythm.reopened(5000)
  assert rhythm.state(9000) is SourceState.QUIET


def test_a_market_whose_silences_are_long_has_a_longer_limit_than_one_that_is_not_known():
  rhythm = Rhythm(0)
  assert rhythm.limit() == Rhythm.UNKNOWN
  for i in range(30):
    rhythm.heard(i * 240.0)
  assert rhythm.limit() == 240 * Rhythm.FACTOR > Rhythm.UNKNOWN
