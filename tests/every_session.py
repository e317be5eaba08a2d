"""What every run of tests shares, in whichever folder it begins: the conftest.py of each has it."""

import gc

from hypothesis import HealthCheck, settings

# On a machine that other programs use too, how long an example takes says nothing.
settings.register_profile(
  "bond", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("bond")


def pytest_collection_finish() -> None:
  """Takes thousands of collected tests out of the garbage collector's sight: each of its full
  rounds would go through them all, a quarter of a second."""
  gc.collect()
  gc.freeze()
