import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "e2e")]


@pytest.fixture(autouse=True, scope="session")
def _folder_of_its_own(tmp_path_factory):
  """What a server keeps by default (streams, secrets) neither comes from this user nor stays."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    yield
