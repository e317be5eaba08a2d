"""Requests with the reading that a reasonable user expects, in the order of cases/."""

import pytest
from installed import BINANCE_WORDS, WORDS
from scored import PAGE, answer, cases, has_filters, is_right, page

CASES = cases()
INSTALLED = {"all": WORDS, "binance": BINANCE_WORDS, "nothing": {}}


def ids(case):
  return f"{case['file']}: {case['text']}"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_a_request_is_read_as_expected_whatever_is_installed(case):
  for installed, words in INSTALLED.items():
    got = answer(case["text"], words)
    expected = {key: case[key] for key in got}
    assert is_right(got, case), (installed, got, expected)
    assert has_filters(got, case), (installed, got, expected)
    assert {*case["unknown"]} <= {*got["unknown"]}


def test_there_are_cases_of_every_outcome_and_each_only_once():
  assert len(CASES) >= 200
  assert len({case["text"] for case in CASES}) > len(CASES) * 0.95
  counts = dict.fromkeys(("ok", "warn", "ask", "reject"), 0)
  for case in CASES:
    counts[case["outcome"]] += 1
  assert min(counts.values()) >= 15


def test_the_table_in_the_documentation_is_current():
  assert PAGE.read_text(encoding="utf-8") == page(), (
    "run python plugins/bond-english/tests/scored.py"
  )
