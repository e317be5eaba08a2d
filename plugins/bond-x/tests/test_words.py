import importlib

import bond_x.sources
import pytest
from bond_sim.x.matching import compile_rule
from bond_x.config import Counts, Posts, Search


@pytest.mark.parametrize(
  ("token", "words"),
  [("", ("tweets", "twitter")), ("something", ("tweets", "twitter", "posts"))],
)
def test_plain_posts_are_those_of_x_where_there_is_a_token(monkeypatch, token, words):
  monkeypatch.setenv("X_BEARER", token)
  try:
    assert importlib.reload(bond_x.sources).SOURCES[0].words == words
  finally:
    monkeypatch.delenv("X_BEARER")
    importlib.reload(bond_x.sources)


@pytest.mark.parametrize("config", [Posts, Search, Counts])
@pytest.mark.parametrize(
  ("word", "written", "other"),
  [
    ("coca-cola", "I like coca-cola", "the coca farm"),
    ("-scam", "no scam here", "the weather"),
    ("from:anna", "a letter from: Anna", "a letter"),
    ("a) OR (b", "a or b", "b"),
    ('the "real" one', "it is the real one", "the one"),
    ("OR", "or so", "and so"),
    ("moon", "to the moon", "moonlight"),
    ("@anna", "hello @anna", "hello"),
    ("#到月球", "#到月球!", "到"),
  ],
)
def test_words_are_words_whatever_signs_they_have(config, word, written, other):
  given = config(symbols=["ZZZ"], words={"ZZZ": [word]})
  [rule] = given.rules() if config is Posts else given.queries()
  matches = compile_rule(rule)
  post = {"lang": "en", "username": "anna"}
  assert matches(post | {"text": written})
  assert not matches(post | {"text": other})
