"""Event shapes are frozen: fields may be added at the end, never changed or removed.

Clients parse these. A failure here means that a client breaks.
"""

import json
import re
from pathlib import Path

import msgspec
import pytest

from bond_core import EVENT_TYPES, PluginError, check_events, decode, encode

GOLDEN = Path(__file__).parent / "golden_events.jsonl"
VECTORS = {json.loads(line)["type"]: line for line in GOLDEN.read_text().splitlines()}


def test_every_event_type_has_a_vector():
  assert set(VECTORS) == set(EVENT_TYPES)


@pytest.mark.parametrize("kind", VECTORS)
def test_the_wire_form_is_byte_for_byte_what_it_was(kind):
  line = VECTORS[kind].encode()
  event = decode(line)
  assert type(event) is EVENT_TYPES[kind]
  assert encode(event) == line


@pytest.mark.parametrize("kind", VECTORS)
def test_every_key_is_present_also_when_it_is_null(kind):
  fields = msgspec.structs.fields(EVENT_TYPES[kind])
  always = [field.encode_name for field in fields if field.default is not msgspec.UNSET]
  assert list(json.loads(VECTORS[kind])) == ["type", *always]


@pytest.mark.parametrize("kind", sorted(VECTORS.keys() - {"window", "heartbeat"}))
def test_a_simulators_event_says_so_and_no_other_has_the_key(kind):
  event = decode(VECTORS[kind].encode())
  assert event.simulated is msgspec.UNSET
  event.simulated = True
  line = encode(event)
  assert json.loads(line) == {**json.loads(VECTORS[kind]), "simulated": True}
  assert decode(line) == event


def test_a_post_from_before_they_were_counted_is_one_post():
  line = VECTORS["post"].replace(',"count":1}', "}")
  assert line != VECTORS["post"]
  assert decode(line.encode()).count == 1


def test_decimals_of_fifteen_digits_go_through_unchanged():
  line = VECTORS["trade"].encode()
  for number in (b"0.00000001", b"123456789.123456", b"99999999999999.9", b"1e-08"):
    assert float(number) == decode(line.replace(b"98123.45", number)).price
  assert b'"price":0.1,' in line.replace(b"98123.45", b"0.1")


WORDS = {
  ("trade", "side"): "side",
  ("trade", "market_type"): "market_type",
  ("orderbook", "update_type"): "update_type",
  ("liquidation", "side"): "side",
  ("chain", "kind"): "kind",
  ("gap", "reason"): "reason",
  ("consolidated", "bbo", "state"): "bbo.state",
  ("consolidated", "venues", "binance", "state"): "venues[binance].state",
}


@pytest.mark.parametrize(("place", "name"), WORDS.items(), ids=lambda value: str(value))
def test_a_word_of_a_newer_version_is_read_and_written_but_no_plugin_may_make_it(place, name):
  kind, *path = place
  known = json.loads(VECTORS[kind])
  check_events([decode(json.dumps(known).encode())], "my.source")
  inner = known
  for key in path[:-1]:
    inner = inner[key]
  inner[path[-1]] = "newer"
  event = decode(json.dumps(known).encode())
  assert json.loads(encode(event)) == known
  with pytest.raises(PluginError, match=re.escape(f"{name} is 'newer'; write ")):
    check_events([event], "my.source")
