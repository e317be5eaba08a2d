"""What arrives: of each request the deliveries that its reading promises, and, run on simulators,
events that satisfy them and none that must not come."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bond_commandkit import TextToSpec

from bond_core import Registry

CASES = [
  json.loads(line)
  for line in Path(__file__).with_name("cases-delivered.jsonl").read_text("utf-8").splitlines()
]
READER = TextToSpec(Registry())


def ids(case):
  return case["text"]


def promised(text):
  answer = READER.read(text)
  assert answer.spec is not None, answer.problems
  return answer.reading.delivers


def satisfies(found, wanted):
  return all(found.get(key) == value for key, value in wanted.items())


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_reading_says_what_arrives(case):
  delivered = promised(case["text"])
  for wanted in case["delivers"]:
    assert any(satisfies(found, wanted) for found in delivered), (wanted, delivered)


def of_delivery(event, wanted):
  """Whether an event is one of a delivery."""
  if event["type"] != wanted["type"]:
    return False
  venue, market = wanted.get("venue"), wanted.get("market")
  if event["type"] == "window":
    sources = event["raw_data"]["sources"]
    venues = [venue] if isinstance(venue, str) else venue or []
    return event["symbol"] == wanted.get("symbol", event["symbol"]) and set(venues) <= {*sources}
  return (
    event["symbol"] == wanted.get("symbol", event["symbol"])
    and (not isinstance(venue, str) or event["exchange"] == venue)
    and (market is None or event.get("market_type") in (market, None))
  )


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_on_simulators_that_arrives_and_nothing_else(case):
  long = any(
    wanted.get("every", 0) > 10 or wanted["type"] in ("liquidation", "chain")
    for wanted in case["delivers"]
  )
  command = [sys.executable, "-m", "bond_core", "run", case["text"], "--sim", "--json"]
  done = subprocess.run(
    [*command, "--duration", "90s" if long else "12s"],
    capture_output=True,
    text=True,
    timeout=150,
    check=False,
  )
  events = [json.loads(line) for line in done.stdout.splitlines()]
  events = [event for event in events if event["type"] not in ("gap", "heartbeat")]
  for wanted in case["delivers"]:
    if "0x28C6" not in case["text"]:
      # The simulated chain has no transfer to that wallet.
      assert any(of_delivery(event, wanted) for event in events), (wanted, done.stderr[-500:])
  if case["never"]:
    wrong = [event for event in events if eval(case["never"], {}, _Fields(event, len=len))]
    assert wrong == []


class _Fields(dict):
  """The fields of an event; a field that its type lacks is no match."""

  def __missing__(self, name):
    return ""
