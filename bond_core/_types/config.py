"""The configuration of a component that takes none."""

import attrs


@attrs.frozen
class NoConfig:
  """The configuration of a component that takes none."""
