"""What can go wrong with Jetstream on purpose, written `KIND[:ARG][@WHEN]`: `5xx:30s@5s`."""

import re

import attrs

from bond_sim.errors import SimulatorError

KINDS = {
  "drop": "ends all connections with RST",
  "close": "ends all connections with a Close frame",
  "silence": "sends nothing on the open connections any more, no pongs either",
  "duplicate": "sends the next ARG posts twice",
  "garbage": "sends ARG messages that are no JSON",
  "5xx": "answers every request with 503 for ARG",
  "forget": "keeps nothing of what was written so far, so that cursors are too old",
}
_DEFAULTS = {"duplicate": 1.0, "garbage": 1.0, "5xx": 5.0}
_FAULT = re.compile(r"(?P<kind>\w+)(:(?P<arg>\d+(\.\d+)?)s?)?(@(?P<at>\d+(\.\d+)?)s)?")


@attrs.frozen
class Fault:
  """A fault as written; `amount` is in posts, messages or seconds, `after` in seconds."""

  kind: str
  amount: float
  after: float


def parse_fault(written: str) -> Fault:
  """The fault that `KIND[:ARG][@WHEN]` describes; SimulatorError otherwise."""
  found = _FAULT.fullmatch(written.strip())
  kind = found["kind"] if found else ""
  if found is None or kind not in KINDS or (found["arg"] and kind not in _DEFAULTS):
    raise SimulatorError(
      f"{written!r} is not a fault of Bluesky; write KIND[:ARG][@WHEN], such as drop@5s, "
      f"duplicate:3 or 5xx:30s, where KIND is one of {', '.join(KINDS)}"
    )
  amount = float(found["arg"]) if found["arg"] else _DEFAULTS.get(kind, 0.0)
  return Fault(kind, amount, float(found["at"] or 0))
