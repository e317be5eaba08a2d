"""What can go wrong with a Geyser stream on purpose, written `KIND[:ARG][@WHEN]`: `drop@5s`."""

import re

import attrs

from bond_sim.errors import SimulatorError

KINDS = {
  "drop": "resets every connection",
  "half-open": "keeps every connection open and lets nothing through any more, either way",
  "silence": "sends nothing on the open streams for ARG, no pings either; HTTP/2 goes on",
  "lagged": "ends every stream with INTERNAL, as for a client that is too slow",
  "gap": "leaves out the next ARG blocks, without a word",
  "duplicate": "sends the contents of the next ARG blocks twice",
  "refuse": "refuses new streams with UNAVAILABLE for ARG",
  "no-replay": "refuses from_slot with INTERNAL for ARG: nothing is stored",
  "late-replay": "refuses from_slot with OUT_OF_RANGE for ARG: too long ago",
  "catching-up": "refuses from_slot with INTERNAL for ARG: the node is behind",
}
_DEFAULTS = {
  "silence": 30.0,
  "gap": 1.0,
  "duplicate": 1.0,
  "refuse": 5.0,
  "no-replay": 60.0,
  "late-replay": 60.0,
  "catching-up": 60.0,
}
_FAULT = re.compile(r"(?P<kind>[a-z-]+)(:(?P<arg>\d+(\.\d+)?)s?)?(@(?P<at>\d+(\.\d+)?)s)?")


@attrs.frozen
class Fault:
  """A fault as written; `amount` is in blocks or seconds, `after` in seconds."""

  kind: str
  amount: float
  after: float


def parse_fault(written: str) -> Fault:
  """The fault that `KIND[:ARG][@WHEN]` describes; SimulatorError otherwise."""
  found = _FAULT.fullmatch(written.strip())
  kind = found["kind"] if found else ""
  if found is None or kind not in KINDS or (found["arg"] and kind not in _DEFAULTS):
    raise SimulatorError(
      f"{written!r} is not a fault of Geyser; write KIND[:ARG][@WHEN], such as drop@5s, gap:3 or "
      f"refuse:10s, where KIND is one of {', '.join(KINDS)}"
    )
  amount = float(found["arg"]) if found["arg"] else _DEFAULTS.get(kind, 0.0)
  return Fault(kind, amount, float(found["at"] or 0))
