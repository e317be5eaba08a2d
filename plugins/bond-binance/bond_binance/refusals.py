"""What Binance's refusals mean, as sentences that say what to do.

Sources: Spot "HTTP Return Codes", "Limits" and "Error codes"; USD-M "General Info" and "Error
Codes". HTTP 451 is not in them; it comes with a body that names the Terms' eligibility clause.
"""

import re
from datetime import UTC, datetime

from bond_binance.endpoints import DATA_ONLY
from bond_binance.messages import Fault, decode_fault
from bond_core.feeds import Response, own_words, said
from bond_core.venues import UNREADABLE

INVALID_SYMBOL = -1121

_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")


def read_error(body: bytes) -> Fault | None:
  """The code and text in an error's body, None for anything else, such as a proxy's page."""
  try:
    return decode_fault(body)
  except UNREADABLE:
    return None


def explain(status: int, body: bytes) -> str | None:
  """A sentence for an HTTP status, None for the usual ones."""
  fault = read_error(body)
  words = own_words(body, 200)
  told = f" ({words})" if words else ""
  code = None if fault is None else fault.code
  if status == 451:
    return (
      f"Binance does not serve this location (HTTP 451){told}: run Bond where its "
      "terms let you use it, "
      f"or for spot try `endpoint: {DATA_ONLY}`, its hosts for public market data"
    )
  if status == 403:
    return (
      f"Binance's firewall refused this address (HTTP 403){told}: wait some minutes, subscribe to "
      f"fewer symbols, and if it goes on use another network or, for spot, `endpoint: {DATA_ONLY}`"
    )
  if status == 418:
    return f"Binance has banned this address for a while (HTTP 418){_until(told)}; {_LESS}"
  if status == 429 or code == -1003:
    return f"Binance's request limit for this address is used up (HTTP {status}){told}; {_LESS}"
  if code == INVALID_SYMBOL:
    return (
      f"Binance does not know this symbol{told}; check its spelling and the market (spot or perp)"
    )
  if code == -1016 or (status == 503 and "Service Unavailable" in told):
    return (
      f"Binance is under maintenance or shutting a service down (HTTP {status}){told}; Bond tries "
      "again by itself, see binance.com/en/support/announcement for how long"
    )
  if status == 404:
    return f"Binance has nothing at this address (HTTP 404){told}; check `endpoint`"
  if status >= 500:
    return f"Binance has an internal problem (HTTP {status}){told}; Bond tries again by itself"
  return None


def reason(status: int, body: bytes) -> str:
  """The same for any status, in the venue's words where there are no better ones."""
  return explain(status, body) or f"HTTP {status}{said(body)}"


def is_final(response: Response) -> bool:
  """Whether the venue says that it does not have this symbol. Everything else passes."""
  fault = read_error(response.body)
  return fault is not None and fault.code == INVALID_SYMBOL


_LESS = (
  "Bond waits as long as it says; stop other programs that use Binance from this address, or "
  "subscribe to fewer books"
)


def _until(said: str) -> str:
  found = _BANNED_UNTIL.search(said)
  if found is None:
    return said
  until = datetime.fromtimestamp(int(found[1]) // 1000, UTC)
  return f" until {until:%Y-%m-%d %H:%M:%S} UTC"
