"""What every run of tests shares, in whichever folder it begins: the conftest.py of each has it."""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# On a machine that other programs use too, how long an example takes says nothing.
settings.register_profile(
  "bond", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("bond")

# Lists of markets that a user's runs have kept are no part of a test, and tests keep none.
os.environ["BOND_CACHE"] = os.devnull


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
  """Keeps the garbage collector away while thousands of tests are collected, and takes them out of
  its sight afterwards: each of its full rounds would go through them all, a quarter of a second.
  Tests make little that it alone can free, so it comes less often: a sixth of their time."""
  gc.disable()
  try:
    return (yield)
  finally:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()
