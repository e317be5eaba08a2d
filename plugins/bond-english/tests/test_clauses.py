"""The lexer has every reading of every span; the chart takes those that fit, and makes clauses."""

import pytest
from bond_english.clauses.chart import best_ways
from bond_english.reading.lexer import readings
from bond_english.reading.source_words import read_source_words
from bond_english.reading.spelling import correct
from bond_english.text.tokens import tokenise
from installed import WORDS

SILENT = ("filler", "conjunction", "preposition", "negation", "plain", "key", "versus")


def lexed(text):
  tokens = tokenise(text)
  sources = read_source_words(WORDS)
  alike = correct(tokens, sources.words)
  return tokens, readings(tokens, sources, alike)


def clauses(text):
  """The clauses of a text: (word, role) of what says something; left out words begin with -."""
  tokens, found = lexed(text)
  chunks = best_ways(tokens, found)[0]
  made = {}
  for chunk in chunks:
    if chunk.role not in SILENT:
      word = text[tokens[chunk.first].start : tokens[chunk.end - 1].end]
      made.setdefault(chunk.clause, []).append(
        f"{'-' if chunk.left_out else ''}{word}:{chunk.role}"
      )
  return [" ".join(parts) for parts in made.values()]


def test_a_word_has_every_role_that_it_may_have():
  _, found = lexed("solana near orca")
  roles = [
    {chunk.role for chunk in chunks if chunk.end == at + 1} for at, chunks in enumerate(found)
  ]
  assert roles[0] >= {"asset", "chain"}
  assert roles[1] >= {"asset", "chain"}
  assert roles[2] >= {"asset", "venue"}


@pytest.mark.parametrize("text", ["BTC price", "xyzzy plugh", "", "a/b/c @ $ % 5", "🚀 ٣ ½"])
def test_the_best_way_covers_every_token_once(text):
  tokens, found = lexed(text)
  if not tokens:
    assert best_ways(tokens, found) == [[]]
    return
  chunks = best_ways(tokens, found)[0]
  assert [chunk.first for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
  assert chunks[-1].end == len(tokens)


@pytest.mark.parametrize(
  ("text", "made"),
  [
    ("near price", ["near:asset price:kind"]),
    ("btc, near and link", ["btc:asset near:asset link:asset"]),
    ("usdc transfers on solana", ["usdc:asset transfers:event solana:chain"]),
    ("solana price", ["solana:asset price:kind"]),
    ("solana blocks", ["solana:chain blocks:event"]),
    ("eth trades on orca", ["eth:asset trades:kind orca:venue"]),
    ("orca price", ["orca:asset price:kind"]),
    (
      "price of BTC and ETH trades",
      ["price:kind BTC:asset", "ETH:asset trades:kind"],
    ),
    ("price of BTC and ETH", ["price:kind BTC:asset ETH:asset"]),
    (
      "funding on bybit and OI on okx for BTC",
      ["funding:kind bybit:venue", "OI:kind okx:venue BTC:asset"],
    ),
    (
      "BTC spot price and perp funding",
      ["BTC:asset spot:market_type price:kind", "perp:market_type funding:kind"],
    ),
    (
      "whale buys on BTC, whale sells on ETH, binance",
      ["whale:filter buys:filter BTC:asset", "whale:filter sells:filter ETH:asset binance:venue"],
    ),
    ("no tweets or news, btc price", ["-tweets:kind -news:kind btc:asset price:kind"]),
    ("no ETH tweets but BTC price", ["-ETH:asset -tweets:kind BTC:asset price:kind"]),
    ("everywhere but okx", ["everywhere:venue -okx:venue"]),
  ],
)
def test_readings_that_fit_make_clauses(text, made):
  assert clauses(text) == made
