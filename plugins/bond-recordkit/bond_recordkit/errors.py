"""What is wrong with a recording, in a sentence."""

from bond_core import BondError


class RecordingError(BondError):
  """A file is no recording, or cannot be read; the sentence says why."""
