"""The error of a simulator that cannot start as it was configured."""

from bond_core import BondError


class SimulatorError(BondError, ValueError):
  """A fault, recording or option that is not valid. The text is a sentence for the user."""
