"""The passes: each changes what it says and no more, and settles what it says."""

import copy

import pytest
from bond_english import parsing
from bond_english.meaning.findings import Findings
from bond_english.meaning.passes import PASSES
from bond_english.meaning.request import Request
from bond_english.reading.source_words import source_phrases
from bond_english.reading.spelling import correct
from bond_english.reading.tagging import tag
from bond_english.text.tokens import tokenise
from installed import WORDS
from scored import cases

REPORTS = ("questions", "rejections", "warnings", "notes", "assumptions")
# What no case shows: each text is there for some role of the table.
MORE = """
  gate and move, base
  btc trades on orca and raydium
  one two
  tweets pip install x
  on X about eth
  is no chain such as ton
  POST of posts
  celo - every five liquidation ton cexes
  cryptopanic for ETH
  average price of BTC
  average volume of BTC
  fee rate
  but not longs, ETH, bybit
  price of eth not in euros
  btc trades but not ETH/BTC
  BTC price, not solana tps
  no trades over $5m
  €5m
  BTC price every block
  XRP USDC price
  transfers in usdc
  tweets about the elon musk in euros
  tweets mentioning zorblax the gizmo
  price in euros
  send 1 ETH to bob
  everything about 5
  buy side
""".strip().splitlines()
TEXTS = [*(case["text"] for case in cases()), *(text.strip() for text in MORE)]


def request_of(text):
  tokens = tokenise(text)
  sources = source_phrases(WORDS)
  alike = correct(tokens, sources.words)
  return Request(text, tokens, tag(tokens, sources, alike), WORDS)


def steps(text):
  """Each pass over a text with the chunks before and after it, and the reports that it added to."""
  request, findings = request_of(text), Findings()
  for step in PASSES:
    before, reports = copy.deepcopy(request.chunks), copy.deepcopy(findings)
    step.run(request, findings)
    added = {name for name in REPORTS if getattr(findings, name) != getattr(reports, name)}
    yield step, before, request.chunks, added


def changes(before, after):
  """The roles (before, after) of the chunks that differ."""
  assert [(c.first, c.end) for c in before] == [(c.first, c.end) for c in after]
  return [(old.role, new.role) for old, new in zip(before, after, strict=True) if old != new]


@pytest.mark.parametrize("text", TEXTS)
def test_a_pass_changes_only_what_it_says(text):
  for step, before, after, added in steps(text):
    for old, new in changes(before, after):
      assert old in step.takes, step.run.__name__
      assert new in step.gives, step.run.__name__
    assert added <= {*step.reports}, step.run.__name__
    active = {chunk.role for chunk in after if not chunk.left_out}
    assert not active & {*step.settles}, step.run.__name__


def test_a_pass_says_no_more_than_it_does():
  seen = {step: (set(), set(), set()) for step in PASSES}
  for text in TEXTS:
    for step, before, after, added in steps(text):
      takes, gives, reports = seen[step]
      takes |= {old for old, _ in changes(before, after)}
      gives |= {new for _, new in changes(before, after)}
      reports |= added
  for step, (takes, gives, reports) in seen.items():
    assert takes == {*step.takes}, step.run.__name__
    assert gives == {*step.gives}, step.run.__name__
    assert reports == {*step.reports}, step.run.__name__
    assert {*step.settles} <= takes, step.run.__name__


def test_the_page_of_the_passes_names_them_in_their_order():
  lines = [line.strip() for line in parsing.__doc__.splitlines()]
  named = [line.split()[1] for line in lines if line.startswith("- ")]
  assert named == [step.run.__name__ for step in PASSES]
