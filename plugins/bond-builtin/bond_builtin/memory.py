"""core.memory: a log that lives in memory only."""

from bond_core import LogType
from bond_core.logs import RingSize

TYPE = LogType(
  name="core.memory",
  summary="A ring in memory, bounded by time and bytes.",
  config=RingSize,
  ring=lambda size: size,
  example="{keep: 60s, size: 64MiB}",
)
