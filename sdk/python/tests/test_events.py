"""The types of messages are those of the wire."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from kk0 import events

import bond_core

GOLDEN = Path(__file__).parents[3] / "tests" / "core" / "golden_events.jsonl"
VECTORS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
TYPES = {
  name: kind
  for kind in get_args(events.Event)
  for name in get_args(kind.__annotations__["type"])[:1]
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["type"])
def test_each_type_has_the_keys_of_its_golden_vector(vector):
  kind = TYPES[vector["type"]]
  always = [key for key in kind.__annotations__ if key in kind.__required_keys__]
  assert always == list(vector)
  marked = hasattr(bond_core.EVENT_TYPES[vector["type"]], "simulated")
  optional = {"simulated"} if marked else set()
  assert kind.__optional_keys__ == (optional | {"ids"} if vector["type"] == "gap" else optional)


def test_every_type_of_the_wire_is_there():
  assert set(TYPES) == {vector["type"] for vector in VECTORS} | {"live"}


def test_closed_sets_are_those_of_the_core():
  hints = {name: get_type_hints(kind) for name, kind in TYPES.items()}
  quote, bbo = get_type_hints(events.VenueQuote), get_type_hints(events.Bbo)
  assert hints["trade"]["market_type"] == bond_core.MarketType | None
  assert hints["trade"]["side"] == hints["liquidation"]["side"] == bond_core.Side
  assert hints["orderbook"]["update_type"] == bond_core.UpdateType
  assert hints["chain"]["kind"] == bond_core.ChainKind
  assert hints["gap"]["reason"] == bond_core.GapReason
  assert (bbo["state"], quote["state"]) == (bond_core.BboState, bond_core.VenueState)
