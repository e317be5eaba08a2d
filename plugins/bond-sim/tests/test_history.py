"""Histories of a generated contract."""

from itertools import islice

from bond_sim.market.history import FUNDING_MS, STEP_MS, ContractHistory, rate_of

NOW = 1_700_000_100_000  # a step begins


def test_the_last_rate_that_was_published_is_the_one_that_was_paid():
  history = ContractHistory("seed", NOW, 1000)
  paid = (NOW // FUNDING_MS + 1) * FUNDING_MS
  history.add_rate("0.00010000", paid)
  history.add_rate("0.00070000", paid)
  history.add_rate("0.00030000", paid + FUNDING_MS)
  assert next(history.rates(paid + 5)) == (paid, "0.00070000")
  before = list(islice(history.rates(paid - 1), 50))
  assert before == list(islice(ContractHistory("seed", NOW, 1000).rates(paid - 1), 50))
  assert before != list(islice(ContractHistory("other", NOW, 1000).rates(paid - 1), 50))


def test_open_interest_of_a_step_is_that_of_its_beginning():
  history = ContractHistory("seed", NOW, 1000)
  history.add_interest(1100, NOW + 10)
  history.add_interest(1200, NOW + STEP_MS - 1)
  history.add_interest(1300, NOW + 3 * STEP_MS)
  found = dict(islice(history.interests(NOW + 4 * STEP_MS, STEP_MS), 5))
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
