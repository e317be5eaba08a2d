import gzip
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared"))


@pytest.fixture
def recorded():
  """Opens a recorded file by its path below shared/data, line by line."""

  def lines(path):
    file = SHARED / "data" / path
    if not file.exists():
      pytest.skip(f"the recorded frames {path} are not on this machine")
    with gzip.open(file, "rb") as opened:
      yield from (line.rstrip(b"\n") for line in opened)

  return lines
