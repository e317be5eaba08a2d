"""How much of a log is kept in memory."""

import attrs

from bond_core._spec.values import Duration, Size


@attrs.frozen
class RingSize:
  """How long and how much is kept in memory, whichever ends first."""

  keep: Duration = Duration(60.0)
  size: Size = Size(64 * 1024 * 1024)
