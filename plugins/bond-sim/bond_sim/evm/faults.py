"""What can go wrong with a node on purpose, written `KIND[:ARG][@WHEN]`: `fork:3@5s`."""

import re

import attrs

from bond_sim.errors import SimulatorError

KINDS = {
  "drop": "ends all connections with RST",
  "close": "ends all connections with a Close frame",
  "half-open": "sends and answers nothing any more on the open connections",
  "silence": "announces nothing for ARG; requests are answered",
  "fork": "replaces the last ARG blocks by others, at most 3, and makes one more",
  "missing": "does not announce the next ARG blocks; their logs are announced",
  "duplicate": "announces each of the next ARG logs twice",
  "garbage": "breaks the next ARG announcements: cut in half",
  "narrow": "refuses eth_getLogs over more than ARG blocks from now on",
  "few": "refuses eth_getLogs with more than ARG results from now on",
  "busy": "answers requests but subscriptions with a rate limit for ARG",
  "refuse": "answers new WebSockets with 503 for ARG",
  "forget": "has no blocks and logs any more of what was before",
}
_SECONDS = frozenset(("silence", "busy", "refuse"))
_DEFAULTS = {
  **dict.fromkeys(_SECONDS, 5.0),
  **dict.fromkeys(("fork", "missing", "duplicate", "garbage"), 1.0),
  "narrow": 10.0,
  "few": 100.0,
}
_DEPTH = 3
_FAULT = re.compile(
  r"(?P<kind>[\w-]+)(:(?P<arg>\d+(\.\d+)?)(?P<unit>ms|s)?)?(@(?P<at>\d+(\.\d+)?)(?P<every>ms|s))?"
)


@attrs.frozen
class Fault:
  """A fault as written; `amount` is in blocks, announcements, results or seconds, `after` in
  seconds."""

  kind: str
  amount: float
  after: float


def parse_fault(written: str) -> Fault:
  """The fault that `KIND[:ARG][@WHEN]` describes; SimulatorError otherwise."""
  found = _FAULT.fullmatch(written.strip())
  kind = found["kind"] if found else ""
  if found is None or kind not in KINDS or (found["arg"] and kind not in _DEFAULTS):
    raise SimulatorError(
      f"{written!r} is not a fault of an EVM node; write KIND[:ARG][@WHEN], such as drop@5s, "
      f"fork:3 or busy:30s, where KIND is one of {', '.join(KINDS)}"
    )
  amount = _DEFAULTS.get(kind, 0.0)
  if found["arg"]:
    amount = float(found["arg"]) * (0.001 if found["unit"] == "ms" else 1.0)
    if kind not in _SECONDS and (found["unit"] or amount != int(amount) or amount < 1):
      raise SimulatorError(
        f"{written!r}: {found['arg']} is no number of what it counts; write 1, 2"
      )
  if kind == "fork" and amount > _DEPTH:
    raise SimulatorError(f"{written!r}: forks are at most {_DEPTH} blocks deep")
  at = float(found["at"] or 0) * (0.001 if found["every"] == "ms" else 1.0)
  return Fault(kind, amount, at)
