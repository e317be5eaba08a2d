"""core.memory: a log that lives in memory only, as a component that a spec can name."""

import attrs

from bond_core.components import LogSpec
from bond_core.spec.values import Duration, Size


@attrs.frozen
class Ring:
  """How long and how much is kept in memory, whichever ends first."""

  keep: Duration = Duration(60.0)
  size: Size = Size(64 * 1024 * 1024)


SPEC = LogSpec(
  name="core.memory",
  summary="A ring in memory, bounded by time and bytes.",
  config=Ring,
  ring=lambda ring: ring,
  example="{keep: 60s, size: 64MiB}",
)
