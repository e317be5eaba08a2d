"""Under a hostile venue, what is told is what the venue did, and each loss is declared.
docs/chaos.md says what a trial is; `python -m tests.chaos` runs more of them."""

import pytest

from tests.chaos.__main__ import shared_out
from tests.chaos.trial import trial
from tests.chaos.venues import VENUES

SEEDS = 200

REGRESSIONS = (
  ("bybit", 43),
  ("binance", 49),
  ("okx", 57),
  ("evm", 195),
  ("x", 67),
  ("x.search", 32),
  ("binance", 10006),
  ("bybit", 10472),
  ("bitcoin", 10232),
  ("evm", 3172),
  ("evm", 10129),
  ("evm", 10223),
  ("evm", 20816),
  ("hyperliquid", 30086),
  ("coinbase", 50404),
  ("evm", 50105),
)
"""Venue and seed of trials that once failed."""


@pytest.mark.parametrize(("venue", "seed"), [*REGRESSIONS, *shared_out(list(VENUES), SEEDS)])
def test_what_is_told_is_true_and_each_loss_is_declared(venue, seed):
  outcome = trial(venue, seed)
  assert outcome.failure is None, f"python -m tests.chaos --venue {venue} --seed {seed} --trace"


@pytest.mark.parametrize("venue", VENUES)
def test_a_seed_reproduces_its_trial(venue):
  first, second = trial(venue, 1, traced=True), trial(venue, 1, traced=True)
  assert first.trace == second.trace
  assert len(first.trace) > 1
