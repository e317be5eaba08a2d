"""The fixtures that pytest finds in every environment with Bond, as a plugin's tests use them."""

import subprocess
import sys

import pytest

from bond_core import Custom, Registry, SpecError, Trade

CLOCK = "sources: {c: {use: clock.ticks, with: {seconds: 0.01}}}"


async def test_the_events_of_a_spec(bond_events):
  events = await bond_events(CLOCK, count=3)
  assert len(events) >= 3
  assert all(isinstance(event, Custom) for event in events)


async def test_what_is_wrong_with_a_spec_is_raised(bond_events):
  with pytest.raises(SpecError, match="no_such"):
    await bond_events("sources: {c: {use: no_such.source}}")


async def test_events_that_do_not_come_fail_the_test(bond_events):
  with pytest.raises(pytest.fail.Exception, match=r"[1-9]\d* of 1000 events came within 0.3 s"):
    await bond_events(CLOCK, count=1000, within=0.3)


async def test_a_type_that_does_not_come_is_named(bond_events):
  with pytest.raises(pytest.fail.Exception, match=r"events, and no Trade came within 0\.3 s"):
    await bond_events(CLOCK, until=(Custom, Trade), within=0.3)


def test_the_registry_has_what_is_installed(bond_registry):
  assert isinstance(bond_registry, Registry)
  assert bond_registry.source("clock.ticks").name == "clock.ticks"


def test_a_run_of_pytest_without_these_fixtures_does_not_import_bond(tmp_path):
  (tmp_path / "test_own.py").write_text(
    "import sys\n\ndef test_own():\n"
    "  assert 'bond_core._events' not in sys.modules and 'httpx' not in sys.modules\n"
  )
  done = subprocess.run(
    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
    cwd=tmp_path,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stdout
