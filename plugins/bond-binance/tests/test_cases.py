"""Messages as the venue documents them, and the events they become: one file a case in cases/,
named after what happened. Fields that an event leaves null are left out there."""

import json
from pathlib import Path

import pytest
from bond_binance import bond_register_sources

from bond_core import encode
from bond_core.feeds import Moment

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
SOURCES = {source.name: source for source in bond_register_sources()}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_message_becomes_the_event_it_means(path):
  case = json.loads(path.read_text())
  source = SOURCES[case["source"]]
  config = source.config(**case["with"])
  feed = source.feed(source.connection(config))
  subscriptions = list(source.subscriptions(config))
  frames = [frame.encode() for frame in case["frames"]]
  events = []
  for number, group in enumerate(sorted({feed.group(s) for s in subscriptions}), 1):
    carried = [s for s in subscriptions if feed.group(s) == group]
    feed.on_open(number, carried, overlap=False, now=Moment(0, 0))
    # Only the connection that carries a stream reads it.
    events += feed.on_frames(number, frames, Moment(1700000000500, 5))
  told = [
    {k: v for k, v in json.loads(encode(event)).items() if v is not None and k != "ts_internal"}
    for event in events
  ]
  assert told == case["events"]
  assert {type(event) for event in events} <= set(source.emits)


def test_every_source_has_its_cases():
  assert {json.loads(path.read_text())["source"] for path in CASES} == set(SOURCES) - {
    "binance.orderbook"  # test_books.py
  }
