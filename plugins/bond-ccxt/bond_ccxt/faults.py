"""ccxt's errors as Bond's, without credentials."""

import re
from collections.abc import Iterable

from bond_ccxt.events import UNREADABLE
from bond_core import AuthError, BondError, Disconnected, Refused, RetryAfter, Unavailable
from bond_core.config import HIDDEN
from bond_core.feeds import own_words

_PAGE = re.compile("<html|<!doctype|<head|<body", re.IGNORECASE)

PATIENCE = 30.0
"""Seconds to wait at a venue's rate limit; ccxt does not pass on how long the venue wants."""


def translated(exc: Exception, exchange: str, secrets: Iterable[str] = ()) -> Exception:
  """The error for Bond's core, by which it retries or gives up. What ccxt cannot read of the venue
  ends nothing for good: it may be readable the next time. Errors of other kinds are returned as
  they are."""
  import ccxt

  if isinstance(exc, BondError):
    return exc
  if isinstance(exc, UNREADABLE):
    kind = type(exc).__name__
    said = f"ccxt could not read the venue's answer: {kind}: {described(exc, secrets)}"
    return Disconnected(f"{exchange}: {said}")
  if not isinstance(exc, ccxt.BaseError):
    return exc
  message = f"{exchange}: {described(exc, secrets)}"
  if exc.__cause__ is not None:
    # Of a failed request ccxt's error has the address, and its cause the reason.
    message += f": {described(exc.__cause__, secrets)}"
  if isinstance(exc, ccxt.PermissionDenied | ccxt.ExchangeNotAvailable):
    # ccxt has the first for every HTTP 403, also of a firewall or a place.
    return Unavailable(message)
  if isinstance(exc, ccxt.AuthenticationError):
    if not any(secrets) or _PAGE.search(str(exc)):
      # Without a key it is not about a key, and ccxt has this for every HTTP 401.
      return Unavailable(message)
    return AuthError(f"{message}; check api_key, api_secret and password")
  if isinstance(exc, ccxt.NotSupported | ccxt.ArgumentsRequired):
    return Refused(message)
  if isinstance(exc, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
    return RetryAfter(PATIENCE, message)
  return Disconnected(message)


def concerns_all(exc: Exception) -> bool:
  """Whether an error is of the connection, the account or the pace, and so of all markets."""
  import ccxt

  of_all = (BondError, ccxt.NetworkError, ccxt.ExchangeClosedByUser, ccxt.AuthenticationError)
  return isinstance(exc, of_all) or not isinstance(exc, (*UNREADABLE, ccxt.BaseError))


def unreadable(what: str, exc: Exception) -> str:
  """The cause of a gap for what ccxt gave and cannot be read."""
  return f"a {what} of ccxt's could not be read: {described(exc)}"


def described(exc: BaseException, secrets: Iterable[str] = ()) -> str:
  """What an error says, as one short line without any of the secrets."""
  text = str(exc)
  for secret in secrets:
    if secret:
      text = text.replace(secret, HIDDEN)
  return own_words(text) or type(exc).__name__
