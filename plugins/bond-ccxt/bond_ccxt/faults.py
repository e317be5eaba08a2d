"""ccxt's errors as Bond's, without credentials."""

from collections.abc import Iterable

from bond_core import AuthError, BondError, Disconnected, Refused, RetryAfter
from bond_core.config import HIDDEN, redact_text

PATIENCE = 30.0
"""Seconds to wait where a venue has had enough; ccxt does not pass on how long it asked for."""

LONGEST = 300


def translated(exc: Exception, exchange: str, secrets: Iterable[str] = ()) -> Exception:
  """The error that tells Bond's core what to do. What is not of ccxt is given back as it is."""
  import ccxt

  if isinstance(exc, BondError) or not isinstance(exc, ccxt.BaseError):
    return exc
  said = f"{exchange}: {told(exc, secrets)}"
  if exc.__cause__ is not None:
    # Of a failed request ccxt tells the address, and its cause why.
    said += f": {told(exc.__cause__, secrets)}"
  if isinstance(exc, ccxt.AuthenticationError):
    return AuthError(f"{said}; check api_key, api_secret and password")
  if isinstance(exc, ccxt.BadSymbol | ccxt.NotSupported | ccxt.ArgumentsRequired):
    return Refused(said)
  if isinstance(exc, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
    return RetryAfter(PATIENCE, said)
  if isinstance(exc, ccxt.NetworkError | ccxt.ExchangeClosedByUser):
    return Disconnected(said)
  return BondError(said)


def told(exc: BaseException, secrets: Iterable[str] = ()) -> str:
  """What an error says, as one short line without any of the secrets."""
  text = " ".join(str(exc).split()) or type(exc).__name__
  for secret in secrets:
    if secret:
      text = text.replace(secret, HIDDEN)
  text = redact_text(text)
  return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
