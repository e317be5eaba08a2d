"""Histories of a generated contract."""

from itertools import islice

from bond_sim.market.past import FUNDING_MS, STEP_MS, Past, rate_of

NOW = 1_700_000_100_000  # a step begins


def test_the_last_rate_that_was_told_is_the_one_that_was_paid():
  past = Past("seed", NOW, 1000)
  paid = (NOW // FUNDING_MS + 1) * FUNDING_MS
  past.told("0.00010000", paid)
  past.told("0.00070000", paid)
  past.told("0.00030000", paid + FUNDING_MS)
  assert next(past.rates(paid + 5)) == (paid, "0.00070000")
  before = list(islice(past.rates(paid - 1), 50))
  assert before == list(islice(Past("seed", NOW, 1000).rates(paid - 1), 50))
  assert before != list(islice(Past("other", NOW, 1000).rates(paid - 1), 50))


def test_open_interest_of_a_step_is_what_was_held_when_it_began():
  past = Past("seed", NOW, 1000)
  past.held(1100, NOW + 10)
  past.held(1200, NOW + STEP_MS - 1)
  past.held(1300, NOW + 3 * STEP_MS)
  found = dict(islice(past.interests(NOW + 4 * STEP_MS, STEP_MS), 5))
  assert found[NOW + STEP_MS] == 1200
  assert found[NOW + 2 * STEP_MS] == 1200
  assert found[NOW + 3 * STEP_MS] == 1200
  assert found[NOW + 4 * STEP_MS] == 1300
  assert 980 <= found[NOW] <= 1020


def test_rates_follow_the_premium_where_it_is_far_from_the_interest_rate():
  assert [rate_of(premium) for premium in (0.0, 0.0004, 0.002, -0.002)] == [
    "0.00010000",
    "0.00010000",
    "0.00150000",
    "-0.00150000",
  ]
