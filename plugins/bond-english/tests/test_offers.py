"""Requests to copy that answer a question: each means what it says."""

import pytest
from bond_english.parsing import parse
from installed import WORDS


@pytest.mark.parametrize(
  ("text", "requests"),
  [
    (
      "BTC trades above 0.75 on okx",
      ["BTC trades above 0.75 BTC on okx", "BTC trades above 0.75 usd on okx"],
    ),
    ("BTC price every 5s every 10s", ["BTC price every 5s", "BTC price every 10s"]),
    ("BTC price and dominance every 30s", ["BTC price every 30s"]),
    ("btc prince every 5s", ["btc price every 5s"]),
  ],
)
def test_what_is_offered(text, requests):
  assert [offer["request"] for offer in parse(text, WORDS).offers] == requests


def test_nothing_is_offered_where_an_answer_is_not_known():
  reading = parse("tweets and dominance every 5s", WORDS)
  assert reading.outcome == "ask"
  assert reading.offers == []
  assert reading.spec is None
