import importlib

import bond_x.sources
import pytest


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
