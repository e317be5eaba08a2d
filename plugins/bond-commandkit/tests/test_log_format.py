"""Records as JSON objects."""

import json
import logging
import sys

import pytest
from bond_commandkit.log_format import Json

from bond_core._redact import Redact


@pytest.fixture
def debugging():
  logger = logging.getLogger("bond")
  level = logger.level
  yield logger.setLevel
  logger.setLevel(level)


def written(message, *arguments, error=None, **extra):
  record = logging.getLogger("bond.binance").makeRecord(
    "bond.binance", logging.WARNING, "", 0, message, arguments, error, extra=extra
  )
  Redact().filter(record)
  return Json().format(record)


def test_a_record_is_one_line_with_what_it_was_given():
  line = written("two\nlines of %s", "text", stream="00aa", count=3, thing=object())
  assert "\n" not in line
  found = json.loads(line)
  assert found.pop("time").endswith("Z")
  assert found == {
    "level": "warning",
    "logger": "bond.binance",
    "message": "two\nlines of text",
    "stream": "00aa",
    "count": 3,
  }


def test_what_a_record_was_given_replaces_none_of_its_own_keys():
  assert json.loads(written("real", level="fake"))["level"] == "warning"


def test_tokens_are_in_no_part_of_it(debugging):
  debugging(logging.DEBUG)
  canary = "canary0123456789canary0123456789"
  try:
    raise ValueError(f"ws://h/ws/1?token={canary}")
  except ValueError:
    line = written(f"at ?token={canary}", error=sys.exc_info(), url=f"/?key={canary}", token=canary)
  assert canary not in line
  found = json.loads(line)
  assert found["error"] == "ValueError"
  assert "Traceback" in found["traceback"]


def test_tracebacks_are_for_those_who_ask(debugging):
  debugging(logging.WARNING)
  try:
    raise ValueError
  except ValueError:
    found = json.loads(written("failed", error=sys.exc_info()))
  assert found["error"] == "ValueError"
  assert "traceback" not in found
