"""What all tests of this folder share."""

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.every_session import pytest_collection

__all__ = ["pytest_collection"]

SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def recorded() -> Callable[[str], Iterator[bytes]]:
  """Opens a recorded file by its path below shared/data, line by line."""

  def lines(path: str) -> Iterator[bytes]:
    file = SHARED / "data" / path
    if not file.exists():
      pytest.skip(f"the recorded frames {path} are not on this machine")
    with gzip.open(file, "rb") as opened:
      yield from (line.rstrip(b"\n") for line in opened)

  return lines
