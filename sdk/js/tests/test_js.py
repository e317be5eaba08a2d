"""The JavaScript client's own tests, where Node is: its types, and what vitest runs."""

import subprocess

import pytest

from tests import javascript


@pytest.fixture(scope="module")
def client():
  try:
    return javascript.built()
  except javascript.Unavailable as exc:
    pytest.skip(str(exc))


@pytest.mark.parametrize("command", ["types", "test"])
def test_the_javascript_client(client, command):
  done = subprocess.run(
    ["npm", "run", "--silent", command],
    cwd=client,
    env=javascript.environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    timeout=300,
    check=False,
  )
  assert done.returncode == 0, done.stdout


def test_the_lock_file_names_no_registry():
  lock = (javascript.CLIENT / "package-lock.json").read_text(encoding="utf-8")
  assert '"resolved"' not in lock
  assert '"integrity"' in lock
