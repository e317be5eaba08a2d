"""Requests that somebody else divided: their words are read by the grammar, and nothing else is."""

import pytest
from bond_english.parsing import parse
from bond_english.quoted import (
  DATA,
  MARKETS,
  SCHEMA,
  Clause,
  Clauses,
  DataWords,
  MarketWords,
  NotQuoted,
  read_clauses,
)
from hypothesis import given, settings, strategies as st
from installed import WORDS
from scored import cases

SLOTS = ("data", "instruments", "markets", "venues", "filters", "window", "every", "left_out")


def clause(data=(), markets=(), **quotes):
  found = {slot: [] for slot in SLOTS} | {slot: list(words) for slot, words in quotes.items()}
  found["data"] = [DataWords(*entry) for entry in data]
  found["markets"] = [MarketWords(*entry) for entry in markets]
  return Clause(**found)


def read(text, *clauses, ignored=()):
  return read_clauses(text, Clauses(list(clauses), list(ignored)), WORDS)


def spec_of(text):
  return parse(text, WORDS).spec


def test_words_that_the_grammar_does_not_know_mean_what_is_chosen_and_the_rest_it_reads():
  text = "el precio de ether at kraken, every 5s"
  found = read(
    text,
    clause(
      [("price", "el precio de")],
      instruments=["ether"],
      venues=["kraken"],
      every=["every 5s"],
    ),
  )
  assert parse(text, WORDS).outcome == "ask"
  assert found.outcome == "ask"
  assert found.spec == spec_of("ETH price on kraken every 5s")
  assert found.questions == ["Is this meant: price, ETH/USD, kraken spot, a row every 5 s?"]
  assert "Taken for price: el precio de" in found.remarks
  entry = next(e for e in found.account if e["slot"] == "source")
  assert (entry["text"], entry["value"], entry["how"]) == ("el precio de", "price", "assumed")


def test_the_grammars_own_reading_of_a_word_counts_before_the_chosen_one():
  found = read(
    "BTC trades", clause([("liquidations", "trades")], [("perp", "BTC")], instruments=["BTC"])
  )
  assert next(iter(found.spec["sources"].values()))["use"] == "binance.trades"


def test_what_belongs_to_a_clause_is_of_no_other():
  found = read(
    "BTC trades above $1.5M on binance, and doge chatter among folks",
    clause(
      [("trades", "trades")], instruments=["BTC"], filters=["above $1.5M"], venues=["binance"]
    ),
    clause([("tweets", "chatter among folks")], instruments=["doge"]),
  )
  assert found.spec == spec_of("BTC trades above $1.5M on binance; doge tweets")


@pytest.mark.parametrize(
  "words",
  ["ETH", "$2M", "over $1", "$1.5", "1.5M", "BTC trades over", "trade", "", " ", "über $1.5M"],
)
def test_words_that_are_not_in_the_request_or_cut_out_of_a_quantity_are_refused(words):
  text = "big BTC trades over $1.5M on binance"
  good = clause([("trades", "trades")], instruments=["BTC"], filters=["over $1.5M"])
  assert read(text, good).spec is not None
  for slot in SLOTS[1:]:
    if slot == "markets" or words == "BTC trades over":
      continue
    with pytest.raises(NotQuoted):
      read(text, clause([("trades", "trades")], **{slot: [words]}))
  if words.strip() and words != "BTC trades over":
    with pytest.raises(NotQuoted):
      read(text, good, ignored=[words])


def test_a_kind_that_is_none_and_more_than_fits_are_refused():
  with pytest.raises(NotQuoted):
    read("BTC trades", clause([("everything", "trades")]))
  with pytest.raises(NotQuoted):
    read("BTC trades", clause(markets=[("moon", "BTC")]))
  with pytest.raises(NotQuoted):
    read("BTC trades", *[clause([("trades", "trades")], instruments=["BTC"])] * 500)


def test_what_the_grammar_reads_and_the_division_leaves_out_is_asked_about():
  text = "one that combines BTC trades over $100k on binance, not tweets, and the ratio"
  found = read(
    text,
    clause([("trades", "trades"), ("tweets", "tweets")], instruments=["BTC"]),
    ignored=["ratio"],
  )
  told = " ".join(found.questions)
  assert "'tweets', by itself left out, is something else here" in told
  for words in ("over $100k", "binance", "not", "ratio"):
    assert words in told
  assert found.remarks[-1] == "Ignored: combines"
  slots = {e["text"]: e["slot"] for e in found.account}
  assert slots["over $100k"] == "unknown"
  assert slots["ratio"] == "ignored"


def test_numbers_and_units_from_two_places_do_not_become_one_quantity():
  text = "BTC trades over the weekend worth $5k"
  found = read(text, clause([("trades", "trades")], instruments=["BTC"], filters=["over", "$5k"]))
  assert found.spec is None or "transforms" not in found.spec


def test_every_character_of_the_request_is_in_the_account_once_with_its_place():
  text = "pls: BTC  price on binance & what people yell about doge, thx!!"
  found = read(
    text,
    clause([("price", "price")], instruments=["BTC"], venues=["binance"]),
    clause([("tweets", "what people yell about")], instruments=["doge"]),
  )
  covered = set()
  for entry in found.account:
    if entry["start"] is not None:
      assert text[entry["start"] : entry["end"]] == entry["text"]
      covered |= set(range(entry["start"], entry["end"]))
  assert {at for at, char in enumerate(text) if not char.isspace()} <= covered
  assert [entry["id"] for entry in found.account] == list(range(len(found.account)))


def test_the_schema_is_closed_and_says_every_choice():
  objects = [SCHEMA, *SCHEMA["$defs"].values()]
  for entry in objects:
    assert entry["additionalProperties"] is False
    assert entry["required"] == list(entry["properties"])
  assert SCHEMA["$defs"]["DataWords"]["properties"]["means"]["enum"] == list(DATA)
  assert SCHEMA["$defs"]["MarketWords"]["properties"]["means"]["enum"] == list(MARKETS)


def divided(account):
  """The clause that somebody makes who divides as the grammar reads."""
  slot_of = {"symbol": "instruments", "exchange": "venues", "interval": "every", "quote": "filters"}
  found = {slot: [] for slot in SLOTS}
  places = set()
  for entry in account:
    slot, value, words = entry["slot"], entry["value"], entry["text"]
    if entry["start"] is None or (entry["start"], entry["end"]) in places:
      continue
    places.add((entry["start"], entry["end"]))
    if slot == "source":
      found["data"].append(DataWords(DATA[0], words))
    elif slot == "filter" and "market" in value:
      found["markets"].append(MarketWords(MARKETS[0], words))
    elif slot == "filter":
      found["venues" if "chain" in value else "filters"].append(words)
    elif slot == "left_out":
      found["left_out"].append(words)
    elif slot in slot_of:
      found[slot_of[slot]].append(words)
  return Clause(**found)


def test_the_known_requests_of_one_clause_divided_mean_the_same():
  same = tried = 0
  # A third of them is enough for a share.
  for case in cases()[::3]:
    own = parse(case["text"], WORDS)
    kinds = [e for e in own.account if e["slot"] == "source"]
    if own.outcome not in ("ok", "warn") or len(kinds) > 1 or ";" in case["text"]:
      continue
    if case["category"].endswith(("pasted", "json")):
      # What programs write has no words of its own.
      continue
    tried += 1
    try:
      same += read(case["text"], divided(own.account)).spec == own.spec
    except NotQuoted:
      # What programs write has no words of its own.
      assert {*case["text"]} & {*"=@{/.(:"}
  assert tried > 100
  # Windows of wallets, lengths of a stream and what is taken back are not of one phrase alone.
  assert same / tried > 0.85


PIECES = ["BTC", "eth", "price", "trades", "over $5k", "on binance", "every 5s", "not", ";", "·"]
PIECES += [
  "x",
  "ratio",
  "perp",
  "0x" + "a" * 40,
  "(",
  "1.5M",
  "tweets",
  "from @x",
  "24h",
  "\n",
  "’",
]
PIECES += ["\u0130", ",", "and"]
QUOTING = ("instruments", "venues", "filters", "window", "every", "left_out")
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(" ".join)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_division_raises_anything_else_or_loses_a_character(source):
  text = source.draw(TEXTS)
  words = st.one_of(st.sampled_from(PIECES), st.sampled_from(text.split(" ")))
  quotes = st.lists(words, max_size=2)
  found = source.draw(
    st.lists(
      st.builds(
        clause,
        data=st.lists(st.tuples(st.sampled_from(DATA), words), max_size=2),
        markets=st.lists(st.tuples(st.sampled_from(MARKETS), words), max_size=1),
        **dict.fromkeys(
          ("instruments", "venues", "filters", "window", "every", "left_out"), quotes
        ),
      ),
      max_size=3,
    )
  )
  try:
    reading = read(text, *found, ignored=source.draw(quotes))
  except NotQuoted:
    return
  assert reading.outcome == "ask"
  covered = set()
  for entry in reading.account:
    if entry["start"] is not None:
      assert text[entry["start"] : entry["end"]] == entry["text"]
      covered |= set(range(entry["start"], entry["end"]))
  assert {at for at, char in enumerate(text) if not char.isspace()} <= covered
