"""core.memory: the log in memory as a component that a spec can name."""

import attrs

from bond_core.components import LogSpec
from bond_core.log.memory import MemoryLog
from bond_core.spec.values import Duration, Size


@attrs.frozen
class Ring:
  """How long and how much is kept, whichever ends first."""

  keep: Duration = Duration(60.0)
  size: Size = Size(64 * 1024 * 1024)


def open_ring(config: Ring, name: str) -> MemoryLog:
  """A ring of that name; the one named market numbers its events."""
  return MemoryLog(name, seconds=config.keep, max_bytes=int(config.size), stamps=name == "market")


SPEC = LogSpec(
  name="core.memory",
  summary="A ring in memory, bounded by time and bytes.",
  config=Ring,
  open=open_ring,
  example="{keep: 60s, size: 64MiB}",
)
