import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from redis_server import Server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
  server = Server(tmp_path_factory.mktemp("redis"))
  server.start()
  yield server
  server.leave()


@pytest.fixture
def server(shared_server):
  """The server of all tests, empty."""
  assert shared_server.says(b"FLUSHALL").startswith(b"+OK")
  return shared_server


@pytest.fixture
def start_server(tmp_path):
  """Starts a server of one's own, with options."""
  servers = []

  def start(*options):
    servers.append(Server(tmp_path, *options))
    servers[-1].start()
    return servers[-1]

  yield start
  for server in servers:
    server.leave()


@pytest.fixture(scope="session")
def golden_events():
  """An event of every type, with every field filled somewhere."""
  from bond_core import decode

  path = Path(__file__).parents[3] / "tests" / "core" / "golden_events.jsonl"
  return [decode(line) for line in path.read_bytes().splitlines()]
