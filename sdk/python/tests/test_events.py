"""The types of messages are those of the wire."""

import json
from pathlib import Path
from typing import get_args

import pytest
from kk0 import events

GOLDEN = Path(__file__).parents[3] / "tests" / "core" / "golden_events.jsonl"
VECTORS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
TYPES = {
  name: kind
  for kind in get_args(events.Event)
  for name in get_args(kind.__annotations__["type"])[:1]
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["type"])
def test_each_type_has_the_keys_of_its_golden_vector(vector):
  assert list(TYPES[vector["type"]].__annotations__) == list(vector)


def test_every_type_of_the_wire_is_there():
  assert set(TYPES) == {vector["type"] for vector in VECTORS} | {"live"}
