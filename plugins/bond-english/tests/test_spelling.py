"""The spelling rule: one edit, the same first letter, nothing else as near, and no English word."""

import pytest
from bond_english import spelling
from bond_english.spelling import correction, edits
from near import fingerprint


@pytest.mark.parametrize(
  ("one", "other", "distance"),
  [
    ("price", "price", 0),
    ("pirce", "price", 1),
    ("prce", "price", 1),
    ("pricee", "price", 1),
    ("prike", "price", 1),
    ("liqudatoins", "liquidations", 2),
    ("abcd", "badc", 2),
    ("price", "trades", None),
  ],
)
def test_edits_are_inserting_leaving_out_changing_and_swapping(one, other, distance):
  assert edits(one, other, 2) == distance
  assert edits(other, one, 2) == distance


@pytest.mark.parametrize(
  ("typed", "meant"),
  [
    ("etherum", "ethereum"),
    ("binanace", "binance"),
    ("pirce", "price"),
    ("tweats", "tweets"),
    ("evrey", "every"),
    ("bitcion", "bitcoin"),
    ("bybti", "bybit"),
    ("rpice", "price"),
    ("liqudatoins", "liquidations"),
    ("fundnig", "funding"),
    ("krakne", "kraken"),
    ("secnods", "seconds"),
  ],
)
def test_misspellings_are_put_right(typed, meant):
  assert correction(typed).word == meant


@pytest.mark.parametrize(
  ("typed", "why"),
  [
    ("prince", "an English word"),
    ("steam", "an English word"),
    ("trays", "an English word"),
    ("bct", "a ticker of three letters is never meant"),
    ("dgoe", "a ticker of four letters is never meant"),
    ("krice", "another first letter"),
    ("prxxe", "two edits in a short word"),
    ("xqzwv", "near to nothing"),
    ("p" * 60, "no word is so long"),
  ],
)
def test_what_the_rule_does_not_allow_is_left_alone(typed, why):
  assert correction(typed).word is None, why


def test_short_words_in_capitals_are_taken_for_tickers_and_left_alone():
  assert correction("bok", capitals=True).word is None
  assert correction("depht", capitals=True).word == "depth"
  assert correction("pric", capitals=True).word is None
  assert correction("pric").word == "price"


def test_a_word_as_near_to_two_meanings_is_asked_about():
  assert correction("ybbit") == (None, ("bybit", "yobit"))


def test_what_can_be_corrected_to_is_known_and_no_short_ticker():
  known = spelling.known_words()
  for word in spelling.correctable():
    assert word in known
    assert len(word) >= 4
  assert not {"doge", "link", "pepe", "bonk"} & set(spelling.correctable())


def test_the_list_of_english_words_was_made_from_these_tables():
  text = (spelling.files("bond_english") / "near.txt").read_text(encoding="utf-8")
  assert text.splitlines()[1] == f"# {fingerprint()}", "run near.py with a list of English words"


def test_no_english_word_of_the_list_is_corrected():
  words = spelling.english_words()
  assert len(words) > 2000
  assert [word for word in words if correction(word).word is not None] == []
