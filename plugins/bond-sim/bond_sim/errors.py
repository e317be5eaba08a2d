"""What a simulator cannot be started with."""

from bond_core import BondError


class SimulatorError(BondError, ValueError):
  """A fault, recording or option that cannot be; the text is a sentence for the user."""
