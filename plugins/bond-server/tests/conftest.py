import sys
from pathlib import Path

import pytest
from bond_server.access.access import SignedTokens
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring

from bond_core import AuthContext, DataClock

sys.path.insert(0, str(Path(__file__).parent))

NOW_S = 1_760_000_000


@pytest.fixture
def keyring():
  return Keyring(b"a key of the tests, 32 bytes long", [b"the key that signed before this"])


@pytest.fixture
def generations():
  return MemoryGenerations()


@pytest.fixture
def ctx(keyring, generations):
  clock = DataClock(NOW_S * 1000)
  return AuthContext(clock, SignedTokens(clock, keyring, generations))
