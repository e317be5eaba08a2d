"""What must not change a spec does not, and what must does: 300 pairs of requests each."""

import json

import pytest
from bond_english.parsing import parse
from installed import EVERYTHING, WORDS
from pairs_of_requests import contrasts, paraphrases

from bond_core.specs import load_spec, stream_id

SEED = 20261130
COUNT = 300
PARAPHRASES = list(paraphrases(SEED, COUNT))
CONTRASTS = list(contrasts(SEED, COUNT))


def read(text):
  """What starts, and what nothing installed has of it."""
  reading = parse(text, WORDS)
  assert reading.outcome in ("ok", "warn"), (text, reading.questions)
  return reading.spec, reading.missing


def stream(text):
  """The stream that a request is, however the parts of its spec are called and ordered."""
  spec, _ = read(text)
  return stream_id(load_spec(json.dumps(spec), registry=EVERYTHING))


def test_there_are_enough_of_each():
  assert len(PARAPHRASES) == len(CONTRASTS) == COUNT
  assert len(set(PARAPHRASES)) > COUNT * 0.8


@pytest.mark.parametrize(("one", "other"), PARAPHRASES)
def test_two_ways_to_say_one_thing_are_one_spec(one, other):
  assert read(one) == read(other)


@pytest.mark.parametrize(("one", "other"), CONTRASTS)
def test_two_things_are_two_streams(one, other):
  assert read(one) != read(other)


@pytest.mark.parametrize(("one", "other"), CONTRASTS[::25])
def test_and_two_ids(one, other):
  assert stream(one) != stream(other)
