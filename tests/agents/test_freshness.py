"""No answer is called fresher than it is, whatever the venue, the connection and the clock do."""

import pytest

from tests.agents.polling import poll

VENUES = ("binance", "okx", "bybit")


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("seed", [1, 4])
def test_freshness_cannot_lie(venue, seed):
  polled = poll(venue, seed)
  assert polled.wrong == []
  assert polled.fresh > 20
  assert polled.states["stale"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("venue", VENUES)
def test_freshness_cannot_lie_at_length(venue):
  wrong = {seed: found for seed in range(100) if (found := poll(venue, seed).wrong)}
  assert wrong == {}
