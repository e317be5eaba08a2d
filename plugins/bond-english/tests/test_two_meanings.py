"""Requests that have two meanings: one question, with a request to copy for each."""

import random

import pytest
from bond_english.clauses.chart import best_ways
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.parsing import _reading, parse
from bond_english.reading.identifiers import split_identifiers
from bond_english.reading.lexer import readings
from bond_english.reading.source_words import read_source_words
from bond_english.reading.spelling import correct, is_known
from bond_english.text.tokens import tokenise
from installed import WORDS

STARTED = ("ok", "warn")


def specs_of_ways(text):
  """What each of the best ways through a text would start."""
  sources = read_source_words(WORDS)
  tokens = split_identifiers(tokenise(text), lambda word: is_known(word, sources.words))
  ways = best_ways(tokens, readings(tokens, sources, correct(tokens, sources.words)))
  return [_reading(Request(text, tokens, chunks, WORDS), Findings()).spec for chunks in ways]


@pytest.mark.parametrize(
  ("text", "offered"),
  [
    # One reading is cheaper than the other by hardly anything.
    (
      "ETH gas ethereum volume buys",
      ["ETH coin GAS coin ethereum volume buys", "ethereum chain gas price, ethereum volume buys"],
    ),
    (
      "ethereum gas near order book",
      ["ETH coin GAS coin near order book", "ethereum chain gas price, near order book"],
    ),
    # What the words leave open.
    ("10 BTC and ETH trades", ["BTC trades over 10 BTC and ETH trades", "BTC and ETH trades"]),
    ("ETH trades over 10", ["ETH trades over 10 ETH", "ETH trades over 10 usd"]),
    ("BTC trades of 1 or more", ["BTC trades of 1 or more BTC", "BTC trades of 1 or more usd"]),
    ("BTC price every 5s and every minute", ["BTC price every 5s", "BTC price and every minute"]),
    ("SOL activity", ["SOL trades", "SOL on-chain activity"]),
    (
      "BTC and ETH/USDT trades on kraken",
      ["BTC/USDT and ETH/USDT trades on kraken", "BTC/USD and ETH/USDT trades on kraken"],
    ),
  ],
)
def test_it_is_asked_once_with_a_request_for_each_meaning(text, offered):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  assert len(reading.questions) == 1
  assert [offer["request"] for offer in reading.offers] == offered
  found = [parse(request, WORDS) for request in offered]
  assert all(one.outcome in STARTED for one in found)
  assert found[0].spec != found[1].spec


@pytest.mark.parametrize(
  ("text", "lengths"),
  [
    ("BTC bars every 5m and 1h", ["5m", "1h"]),
    ("BTC bars every 5m and every 1h", ["5m", "1h"]),
    ("BTC 5m and 1h bars", ["5m", "1h"]),
    ("BTC 1h bars every 5m", ["1h"]),
  ],
)
def test_bars_in_a_list_have_a_length_each(text, lengths):
  reading = parse(text, WORDS)
  sources = reading.spec["sources"].values()
  assert [source["with"]["interval"] for source in sources] == lengths


@pytest.mark.parametrize(
  "text", ["price of one BTC", "1 BTC price", "10 BTC trades", "5m BTC bars"]
)
def test_what_has_one_meaning_is_not_asked_about(text):
  assert parse(text, WORDS).outcome in STARTED


def test_a_number_before_an_asset_is_never_lost():
  reading = parse("price of 3 BTC", WORDS)
  assert reading.outcome == "ask"
  assert [offer["request"] for offer in reading.offers] == ["price of BTC"]


WORDS_OF_REQUESTS = {
  "asset": "BTC ETH SOL BTC/USDT ethereum solana near 1000PEPE GAS base".split(),
  "data": "trades price funding transfers gas activity volume blocks tweets bars swaps".split(),
  "place": ["on binance", "on solana", "on ethereum", "base", "raydium", "on base", "kraken"],
  "more": ["every 5s", "1h", "over 10", "over $10k", "10 BTC", "perp", "swap", "buys", "in usd"],
}


def test_each_offered_request_means_exactly_one_of_the_meanings_and_starts():
  """Over requests drawn from a seed, of words with several readings."""
  drawn, asked = random.Random(7), 0
  for _ in range(600):
    parts = [drawn.choice(WORDS_OF_REQUESTS[pool]) for pool in ("asset", "data")]
    pools = [pool for pool in ("place", "more", "asset", "data") if drawn.random() < 0.5]
    parts += [drawn.choice(WORDS_OF_REQUESTS[pool]) for pool in pools]
    text = " ".join(parts)
    reading = parse(text, WORDS)
    if not any(question.startswith("Which is meant") for question in reading.questions):
      continue
    asked += 1
    meanings = [spec for spec in specs_of_ways(text) if spec]
    offered = [parse(offer["request"], WORDS) for offer in reading.offers]
    assert all(one.outcome in STARTED for one in offered), text
    assert all(one.spec in meanings for one in offered), text
    assert len(offered) < 2 or offered[0].spec != offered[1].spec, text
  assert asked


@pytest.mark.parametrize("text", ["BTC trades gate", "gate BTC trades", "gate ETH order book"])
def test_a_venue_whose_name_is_an_english_word_is_offered_as_one(text):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  first = parse(reading.offers[0]["request"], WORDS)
  assert first.outcome in STARTED
  assert {source["with"]["exchange"] for source in first.spec["sources"].values()} == {"gate"}


@pytest.mark.parametrize("text", ["linear tether BTC trades", "BTC tether margined trades on okx"])
def test_tether_beside_linear_is_what_contracts_are_counted_in_and_no_asset(text):
  (source,) = parse(text, WORDS).spec["sources"].values()
  assert source["with"]["symbols"] == ["BTC/USDT:USDT"]


@pytest.mark.parametrize("asset", ["XEC", "BCH", "ADA", "XRP"])
def test_coins_of_a_chain_that_nothing_reads_are_not_looked_for_on_another(asset):
  reading = parse(f"{asset} transfers", WORDS)
  assert reading.spec is None
  (missing,) = reading.missing
  assert "no package is known that offers this" in missing
