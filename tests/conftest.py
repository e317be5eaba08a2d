"""What all tests of this folder share."""

from tests import hypothesis_profile

assert hypothesis_profile
