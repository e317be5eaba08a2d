import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shared_fixtures import Unavailable


@pytest.fixture(autouse=True, scope="session")
def _folder_of_its_own(tmp_path_factory):
  """What a server keeps by default (streams, secrets) neither comes from this user nor stays."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
  """Skips a test one of whose shared fixtures cannot be made here."""
  for value in pyfuncitem.funcargs.values():
    if isinstance(value, Unavailable):
      pytest.skip(value.reason)
