"""The app at X whose token a configuration uses, and what all sources of one app share."""

import math
import os
from collections.abc import Callable, Hashable
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

from bond_core import AuthError, Refused, Secret
from bond_core.config import DATA_FOLDER
from bond_x.config import Counts, Posts, Search
from bond_x.spending import FILE, Budget, Ledger, Spending

T = TypeVar("T")

URL = "https://api.x.com"
SIMULATED = "simulated"
"""Instead of a token, which the token of X never goes to."""
CALLERS_CAP = 5.0
"""US dollars in a UTC day up to which sources of callers read, where the operator says nothing."""


@attrs.frozen
class Account:
  """An app at X, by its bearer token. A simulated X charges nothing (`charged`)."""

  endpoint: str
  token: str = attrs.field(repr=False)
  charged: bool


class Remembers(Protocol):
  """What keeps objects for all sources of the process: a source's context or a session's member."""

  @property
  def caller(self) -> str | None:
    """Whose stream it runs for in a server, None for the operator's own."""

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key."""


def account_of(config: Posts | Search | Counts) -> Account:
  """Returns the account that a configuration uses. Raises AuthError, with both remedies, where
  there is no token. The token of X goes to no simulator."""
  endpoint = config.endpoint or URL
  if config.mode == "mock" or (config.endpoint is not None and config.bearer is None):
    return Account(endpoint, SIMULATED, charged=False)
  try:
    token = (config.bearer or Secret("X_BEARER")).reveal().strip()
  except AuthError as exc:
    raise AuthError(
      f"{exc}; or install bond-sim and run with --sim or mode: mock, and posts are simulated"
    ) from None
  return Account(endpoint, token, charged=config.endpoint is None)


def spending_of(source: Remembers, account: Account, caller: str = "") -> Spending:
  """Returns what was spent with an account today, or what a caller has caused of that. It outlives
  the sources that spent it, and in a server the process. Raises Refused where that cannot be
  read."""

  def make() -> Spending:
    folder = source.remember(DATA_FOLDER, _no_folder)
    if folder is None or account.token == SIMULATED:
      return Spending()
    ledger = source.remember((Ledger, folder), lambda: Ledger(folder / FILE))
    # Neither the token nor the caller stands in the file.
    name = f"{account.endpoint}\n{account.token}\n{caller}".encode()
    return ledger.spending(blake2b(name, digest_size=16, person=b"bond x").hexdigest())

  return source.remember((Spending, account, caller), make)


def _no_folder() -> Path | None:
  return None


def budget_of(source: Remembers, account: Account, spend_cap: float) -> Budget:
  """Returns what a source may spend. Money is the operator's, so for a source of a caller the caps
  are the environment's and not the spec's. Raises Refused where these are no numbers."""
  spending = spending_of(source, account)
  if source.caller is None:
    return Budget(spending, spend_cap, None, 0.0)
  cap = _cap("X_SPEND_CAP", CALLERS_CAP)
  own = spending_of(source, account, source.caller or "a caller without a name")
  return Budget(spending, cap, own, _cap("X_SPEND_CAP_EACH", cap / 2))


def _cap(name: str, default: float) -> float:
  text = os.environ.get(name, "").strip()
  try:
    cap = float(text) if text else default
  except ValueError:
    cap = math.nan
  if not 0 <= cap < math.inf:
    raise Refused(f"{name} is no sum of US dollars; write a number such as 5")
  return cap
