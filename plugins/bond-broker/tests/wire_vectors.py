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


def filter_fields(matched, defaults):
  """A filter as vectors write it: what differs from these defaults."""
  fields = {}
  if matched.channels != defaults.channels:
    fields["channels"] = sorted(matched.channels)
  if matched.markets is not None:
    fields["wanted"] = sorted(
      [part for part in want if part is not None] for want in matched.markets
    )
  if matched.exchanges != defaults.exchanges:
    fields["exchanges"] = sorted(matched.exchanges)
  for field in ("depth", "speed_ms", "raw", "compact", "deltas", "consolidated"):
    if getattr(matched, field) != getattr(defaults, field):
      fields[field] = getattr(matched, field)
  return fields
