import pytest

from bond_core import AuthContext, DataClock
from bond_core.auth.generations import MemoryGenerations
from bond_core.auth.tokens import Keyring

NOW_S = 1_760_000_000


@pytest.fixture
def keyring():
  return Keyring(b"a key of the tests, 32 bytes long", [b"the key that signed before this"])


@pytest.fixture
def ctx(keyring):
  return AuthContext(DataClock(NOW_S * 1000), keyring, MemoryGenerations())
