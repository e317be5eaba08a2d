"""The app at X whose token a configuration uses, and what all sources of one app share."""

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

import attrs

from bond_core import AuthError, Secret
from bond_x.config import Counts, Posts, Search
from bond_x.spending import Spending

T = TypeVar("T")

URL = "https://api.x.com"


@attrs.frozen
class Account:
  """An app at X, by its bearer token. A simulated X charges nothing (`charged`)."""

  endpoint: str
  token: str = attrs.field(repr=False)
  charged: bool


class Remembers(Protocol):
  """What keeps objects for all sources of the process: a source's context or a session's member."""

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key."""


def account_of(config: Posts | Search | Counts) -> Account:
  """Returns the account that a configuration uses. Raises AuthError, with both remedies, where
  there is no token. The token of X goes to no simulator."""
  endpoint = config.endpoint or URL
  if config.mode == "mock" or (config.endpoint is not None and config.bearer is None):
    return Account(endpoint, "simulated", charged=False)
  try:
    token = (config.bearer or Secret("X_BEARER")).reveal().strip()
  except AuthError as exc:
    raise AuthError(
      f"{exc}; or install bond-sim and run with --sim or mode: mock, and posts are simulated"
    ) from None
  return Account(endpoint, token, charged=config.endpoint is None)


def spending_of(source: Remembers, account: Account) -> Spending:
  """Returns what the process has spent with an account. It outlives the sources that spent it."""
  return source.remember((Spending, account), Spending)
