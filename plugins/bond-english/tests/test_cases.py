"""Requests with the reading that a reasonable user expects, in the order of cases/.

Each is read once with everything installed, once with one venue alone and once with nothing, and
every property below is asserted of these readings. A failing batch says which requests have which
property no more.
"""

import json

import pytest
from bond_commandkit import summary_of
from bond_english.parsing import parse
from installed import BINANCE_WORDS, EVERYTHING, WORDS
from scored import PAGE, cases, has_filters, is_right, page

from bond_core import SpecError
from bond_core.specs import load_spec

CASES = cases()
STEP = 50
INSTALLED = {"all": WORDS, "binance": BINANCE_WORDS, "nothing": {}}
STARTED = ("ok", "warn")
SHAPING = ("symbol", "source", "exchange", "interval", "filter", "chain")
SLOTS = {
  *("symbol", "source", "exchange", "interval", "filter", "quote", "chain", "left_out", "unknown"),
  *("refused", "note", "filler", "negation", "ignored"),
}
HOW = {"exact", "alias", "corrected", "assumed", "default"}


def as_expected_whatever_is_installed(case, readings):
  for installed, reading in readings.items():
    got = {**summary_of(reading), "outcome": reading.outcome, "unknown": reading.unknown}
    other = {key: f"{got[key]} for {case[key]}" for key in got if got[key] != case[key]}
    reported = {*case["unknown"]} <= {*got["unknown"]}
    right = is_right(got, case) and has_filters(got, case) and reported
    assert right, f"installed: {installed}; {other}"


def every_character_is_accounted_for(case, readings):
  text, covered = case["text"], set()
  for entry in readings["all"].account:
    assert entry["slot"] in SLOTS
    assert entry["how"] in HOW
    if entry["start"] is None:
      assert entry["how"] in ("assumed", "default", "alias")
      assert entry["text"] == ""
    else:
      assert entry["text"] == text[entry["start"] : entry["end"]]
      covered.update(range(entry["start"], entry["end"]))
  assert [c for at, c in enumerate(text) if at not in covered and not c.isspace()] == []


def what_is_understood_shaped_the_spec(case, readings):
  for installed in ("all", "binance"):
    reading = readings[installed]
    if reading.outcome not in STARTED:
      continue
    nodes = {*(reading.spec or {"sources": {}})["sources"], "missing"}
    for entry in reading.account:
      if entry["slot"] in SHAPING and entry["start"] is not None:
        told = entry["text"] in reading.sentence or reading.missing
        assert entry["shaped"] or told, entry
        assert {*entry["shaped"]} <= nodes, entry


def each_offered_request_is_understood_as_it_stands(_, readings):
  reading = readings["all"]
  assert reading.outcome == "ask" or not reading.offers
  offered = [parse(offer["request"], WORDS) for offer in reading.offers]
  for offer, found in zip(reading.offers, offered, strict=True):
    assert offer["question"] in reading.questions
    assert found.outcome in STARTED, offer
    assert found.spec is not None, offer
  if reading.outcome == "ask" and reading.spec is not None:
    # What a person may confirm is what the first offered request gives.
    assert reading.spec == offered[0].spec


def what_starts_is_a_spec_with_all_that_is_named(case, readings):
  reading = readings["all"]
  if case["outcome"] not in STARTED:
    return
  if reading.outcome == "ask":
    assert "ask" in [other.get("outcome") for other in case["also_ok"]]
  elif reading.missing:
    assert all(len(sentence) > 20 for sentence in reading.missing)
  else:
    document = json.dumps(reading.spec, ensure_ascii=False)
    try:
      checked = load_spec(document, registry=EVERYTHING)
    except SpecError as exc:
      # A token that is understood and whose contract the source does not know.
      assert "the contract of" in str(exc)
      return
    assert checked.warnings == ()
    # xyz:TSLA is XYZ-TSLA.
    written = document + document.upper().replace(":", "-")
    for entry in reading.account if "onchain" not in written else ():
      if entry["slot"] == "symbol" and entry["how"] != "default":
        assert f'"{entry["value"].partition("/")[0]}' in written, entry
      if entry["slot"] == "exchange" and entry["value"] != "*":
        assert f'"{entry["value"]}' in written, entry


def what_is_there_to_confirm_is_a_spec(case, readings):
  reading = readings["all"]
  if case["outcome"] == "ask" and reading.spec is not None and not reading.missing:
    assert load_spec(json.dumps(reading.spec, ensure_ascii=False), registry=EVERYTHING).sources


PROPERTIES = (
  as_expected_whatever_is_installed,
  every_character_is_accounted_for,
  what_is_understood_shaped_the_spec,
  each_offered_request_is_understood_as_it_stands,
  what_starts_is_a_spec_with_all_that_is_named,
  what_is_there_to_confirm_is_a_spec,
)


@pytest.mark.parametrize("first", range(0, len(CASES), STEP))
def test_known_requests_have_every_property(first):
  failed = []
  for case in CASES[first : first + STEP]:
    readings = {name: parse(case["text"], words) for name, words in INSTALLED.items()}
    for holds in PROPERTIES:
      try:
        holds(case, readings)
      except AssertionError as exc:
        failed.append(f"{case['file']}: {case['text']!r} has not: {holds.__name__}\n{exc}")
  assert not failed, "\n\n".join(failed)


def test_there_are_cases_of_every_outcome_and_each_only_once():
  assert len(CASES) >= 200
  assert len({case["text"] for case in CASES}) > len(CASES) * 0.95
  counts = dict.fromkeys(("ok", "warn", "ask", "reject"), 0)
  for case in CASES:
    counts[case["outcome"]] += 1
  assert min(counts.values()) >= 15


def test_the_table_in_the_documentation_is_current():
  # The test above has that each case is read as expected.
  assert PAGE.read_text(encoding="utf-8") == page((case, case) for case in CASES), (
    "run python plugins/bond-english/tests/scored.py"
  )
