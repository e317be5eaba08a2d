"""Fixtures that several tests share and that may skip."""

import functools

import attrs
import pytest

from bond_core import leaves


@attrs.frozen
class Unavailable:
  """What a fixture gives that cannot be made on this machine."""

  reason: str


def shared_fixture(scope, params=None):
  """A fixture of that scope, whose skip holds for each test that uses it. pytest 9.2 fails where a
  fixture that has skipped is set up for a second test, so it gives Unavailable instead."""

  def decorate(function):
    @functools.wraps(function)
    def make(**given):
      for value in given.values():
        if isinstance(value, Unavailable):
          return value
      try:
        return function(**given)
      except BaseException as exc:
        for error in leaves(exc):
          if isinstance(error, pytest.skip.Exception):
            return Unavailable(str(error))
        raise

    return pytest.fixture(scope=scope, params=params)(make)

  return decorate
