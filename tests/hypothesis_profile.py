"""Hypothesis on a machine that other programs use too: how long an example takes says nothing."""

from hypothesis import HealthCheck, settings

settings.register_profile(
  "bond", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("bond")
