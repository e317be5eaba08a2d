"""A real language model, for those who have one: set BOND_LLM_URL and BOND_LLM_MODEL, and run
`pytest -m live`."""

import os

import pytest
from bond_english.parsing import parse as read_by_grammar
from bond_llm_parser.parsing import parse

WORDS = {"binance": "binance.trades", "binance ticker": "binance.ticker", "tweets": "x.posts"}
REQUESTS = {
  "el precio de ether en binance, cada 5s": "ETH price on binance every 5s",
  "watcha got on bitcoin trades over $100k at binance": "BTC trades over $100k on binance",
  "yo gimme doge twitter babble": "tweets about doge",
}


@pytest.mark.live
@pytest.mark.skipif("BOND_LLM_URL" not in os.environ, reason="no language model is named")
def test_a_real_model_divides_most_requests_as_they_are_meant():
  right = 0
  for text, same in REQUESTS.items():
    reading = parse(text, WORDS)
    assert reading.outcome == "ask"
    right += reading.spec is not None and reading.spec == read_by_grammar(same, WORDS).spec
  assert right >= 2
