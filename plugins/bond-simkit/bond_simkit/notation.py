"""How a fault is written: `KIND[:ARG][/TEXT][@WHEN]`.

ARG is a duration (`500ms`, `10s`, `2m`) or a count, by kind. WHEN is a duration (`5s`) or a number
of data frames (`200f`). TEXT restricts a fault to topics whose name contains it.
"""

import re
from collections.abc import Mapping

import attrs

from bond_simkit.errors import SimulatorError

_FAULT = re.compile(
  r"(?P<kind>[\w-]+)(:(?P<arg>[^/@]*))?(/(?P<text>.+?))?(@(?P<at>\d*\.?\d+)(?P<unit>ms|s|m|f))?"
)
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


@attrs.frozen
class FaultKind:
  """One kind of fault. `unit` is what its ARG counts, such as "frames"; with "seconds" ARG is a
  duration, with "" there is none. `default` is the ARG where none is written (None: no end), `most`
  the largest count."""

  summary: str
  unit: str = ""
  default: float | None = None
  most: int | None = None


@attrs.frozen(kw_only=True)
class VenueFault:
  """A fault as written. `amount` is its ARG: a count, or seconds; None where it has none or no end.
  It starts after `after_seconds`, or after `after_frames` data frames, else at once."""

  written: str
  kind: str
  amount: float | None = None
  text: str = ""
  after_seconds: float | None = None
  after_frames: int | None = None

  @property
  def count(self) -> int:
    """The amount as a count, 0 for none."""
    return int(self.amount or 0)

  @property
  def seconds(self) -> float:
    """The amount in seconds, 0 for none."""
    return self.amount or 0.0


@attrs.frozen
class FaultNotation:
  """The faults of a venue by kind, and how they are written. `examples` are for error messages.
  Without `by_topic`, faults have no /TEXT and do not wait for frames."""

  kinds: Mapping[str, FaultKind]
  examples: str
  venue: str = ""
  by_topic: bool = False

  @property
  def summaries(self) -> tuple[tuple[str, str], ...]:
    """(kind, summary) of each, as SimulatorType.faults has them."""
    return tuple((name, kind.summary) for name, kind in self.kinds.items())

  def parse(self, written: str) -> VenueFault:
    """The fault that a text describes. Raises SimulatorError for one that is not valid."""
    found = _FAULT.fullmatch(written.strip())
    frames = found is not None and found["unit"] == "f"
    if (
      found is None
      or found["kind"] not in self.kinds
      or (not self.by_topic and (found["text"] or frames))
    ):
      form = "KIND[:ARG][/TEXT][@WHEN]" if self.by_topic else "KIND[:ARG][@WHEN]"
      raise SimulatorError(
        f"{written!r} {self._not_a_fault}; write {form}, such as {self.examples}, where KIND is "
        f"one of {', '.join(self.kinds)}"
      )
    kind = self.kinds[found["kind"]]
    at = None if found["at"] is None else float(found["at"])
    return VenueFault(
      written=written.strip(),
      kind=found["kind"],
      amount=kind.default if found["arg"] is None else self._amount(written, kind, found["arg"]),
      text=found["text"] or "",
      after_seconds=None if at is None or frames else at * _SECONDS[found["unit"]],
      after_frames=int(at) if at is not None and frames else None,
    )

  @property
  def _not_a_fault(self) -> str:
    return "is not a fault" + (f" of {self.venue}" if self.venue else "")

  def _amount(self, written: str, kind: FaultKind, arg: str) -> float:
    if kind.unit == "seconds":
      if duration := _DURATION.fullmatch(arg):
        return float(duration["number"]) * _SECONDS[duration["unit"]]
      expected = f"its argument is a duration such as 500ms, 10s or 2m, not {arg!r}"
    elif kind.unit:
      if arg.isdecimal() and 0 < int(arg) <= (kind.most or int(arg)):
        return int(arg)
      example = "5" if kind.most is None else f"1, at most {kind.most}"
      expected = f"its argument is a number of {kind.unit} such as {example}, not {arg!r}"
    else:
      expected = "this kind takes no argument"
    raise SimulatorError(f"{written!r} {self._not_a_fault}: {expected}")
