"""Spelling: one edit, the same first letter, nothing else as close, and no English word."""

import pytest
from bond_english.reading import spelling
from bond_english.reading.spelling import correction, edits
from wordlists import fingerprint


@pytest.mark.parametrize(
  ("word", "other", "distance"),
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
def test_edits_are_inserting_leaving_out_changing_and_swapping(word, other, distance):
  assert edits(word, other, 2) == distance
  assert edits(other, word, 2) == distance


@pytest.mark.parametrize(
  ("typed", "corrected"),
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
def test_misspellings_are_corrected(typed, corrected):
  assert correction(typed).word == corrected


@pytest.mark.parametrize(
  ("typed", "why"),
  [
    ("prince", "an English word"),
    ("steam", "an English word"),
    ("trays", "an English word"),
    ("bct", "nothing is corrected to a ticker of three letters"),
    ("dgoe", "nothing is corrected to a ticker of four letters"),
    ("krice", "another first letter"),
    ("prxxe", "two edits in a short word"),
    ("xqzwv", "close to nothing"),
    ("p" * 60, "no word is so long"),
  ],
)
def test_what_the_rule_does_not_allow_is_left_alone(typed, why):
  assert correction(typed).word is None, why


def test_short_words_in_capitals_are_taken_for_tickers_and_left_alone():
  assert correction("bok", uppercase=True).word is None
  assert correction("depht", uppercase=True).word == "depth"
  assert correction("pric", uppercase=True).word is None
  assert correction("pric").word == "price"


def test_a_word_as_close_to_two_meanings_is_asked_about():
  assert correction("ybbit") == (None, ("bybit", "yobit"))


def test_what_can_be_corrected_to_is_known_and_no_short_ticker():
  known = spelling.known_words()
  for word in spelling.correctable():
    assert word in known
    assert len(word) >= 4
  assert not {"doge", "link", "pepe", "bonk"} & set(spelling.correctable())


def test_the_list_of_english_words_was_made_from_these_tables():
  text = (spelling.files("bond_english.reading") / "lookalikes.txt").read_text(encoding="utf-8")
  assert text.splitlines()[1] == f"# {fingerprint()}", (
    "run wordlists.py with a list of English words"
  )


def test_no_english_word_of_the_list_is_corrected():
  words = spelling.lookalikes()
  assert len(words) > 2000
  assert [word for word in words if correction(word).word is not None] == []
