"""The vectors: one JSON object a line, in the folder of this name."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "vectors"


def vectors(name, key="send"):
  """The vectors of a file as parameters, named after what they put in."""
  lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
  found = [json.loads(line) for line in lines]
  return [pytest.param(one, id=one.get("name") or json.dumps(one[key])[:60]) for one in found]


def filter_told(wish, defaults):
  """A filter as vectors write it: what differs from these defaults."""
  told = {}
  if wish.channels != defaults.channels:
    told["channels"] = sorted(wish.channels)
  if wish.markets is not None:
    told["wanted"] = sorted([part for part in want if part is not None] for want in wish.markets)
  if wish.exchanges != defaults.exchanges:
    told["exchanges"] = sorted(wish.exchanges)
  for field in ("depth", "speed_ms", "raw", "compact", "deltas", "consolidated"):
    if getattr(wish, field) != getattr(defaults, field):
      told[field] = getattr(wish, field)
  return told
