"""What can go wrong with X on purpose, written `KIND[:ARG][@WHEN]`: `drop`, `429:30s@5s`."""

import re

import attrs

from bond_sim.errors import SimulatorError

KINDS = {
  "drop": "ends the stream with RST",
  "partial": "sends half a line, then ends the stream",
  "disconnect": "says operational-disconnect in the stream, then ends it",
  "duplicate": "sends the next ARG posts twice",
  "silence": "sends nothing on the open stream any more, no blank lines either",
  "old": "refuses the since_id of the next search, as X does after seven days",
  "linger": "counts a connection for ARG after the client has closed it",
  "429": "answers every request with 429 for ARG",
  "5xx": "answers every request with 503 for ARG",
}
_DEFAULTS = {"duplicate": 1.0, "linger": 10.0, "429": 5.0, "5xx": 5.0}
_FAULT = re.compile(r"(?P<kind>\w+)(:(?P<arg>\d+(\.\d+)?)s?)?(@(?P<at>\d+(\.\d+)?)s)?")


@attrs.frozen
class Fault:
  """A fault as written; `amount` is in posts or seconds, `after` in seconds."""

  kind: str
  amount: float
  after: float


def parse_fault(written: str) -> Fault:
  """The fault that `KIND[:ARG][@WHEN]` describes; SimulatorError otherwise."""
  found = _FAULT.fullmatch(written.strip())
  kind = found["kind"] if found else ""
  if found is None or kind not in KINDS or (found["arg"] and kind not in _DEFAULTS):
    raise SimulatorError(
      f"{written!r} is not a fault of X; write KIND[:ARG][@WHEN], such as drop@5s, duplicate:3 or "
      f"429:30s, where KIND is one of {', '.join(KINDS)}"
    )
  amount = float(found["arg"]) if found["arg"] else _DEFAULTS.get(kind, 0.0)
  return Fault(kind, amount, float(found["at"] or 0))
