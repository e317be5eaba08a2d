"""What the venue lists: which subscriptions it can serve, and what was meant where it cannot.

Sources: Spot "Exchange information", USD-M "Exchange Information" and "Common Definition".
"""

from collections.abc import Iterable

from bond_binance.messages import Listed
from bond_binance.symbols import SPOT, instrument_of, spelling, venue_symbol
from bond_core import Instrument
from bond_core.config import did_you_mean

ENDED = frozenset(("BREAK", "CLOSE", "DELIVERING", "DELIVERED", "SETTLING"))
"""States that a market does not come back from. HALT, PENDING_TRADING and the like pass; a market
in one of them is waited for."""

_PLACES = {SPOT: "on Binance spot", "usdm": "among Binance's USD-M futures"}


def refusals(
  market: str, wanted: Iterable[Instrument], rows: list[Listed], *, complete: bool
) -> dict[Instrument, str]:
  """Why each instrument that cannot be served cannot, in a sentence. Rows that are not `complete`
  say nothing about what is not in them."""
  listed = {row.symbol: row for row in rows}
  found: dict[Instrument, str] = {}
  for instrument in wanted:
    row = listed.get(venue_symbol(instrument))
    if row is None and complete:
      found[instrument] = f"there is no {spelling(instrument)} {_PLACES[market]}" + did_you_mean(
        spelling(instrument), _known(market, rows), "; see the venue's list of markets", 0.7
      )
    elif row is not None and row.status in ENDED:
      found[instrument] = (
        f"{spelling(instrument)} is no longer traded {_PLACES[market]} (status {row.status}); "
        "leave it out"
      )
  return found


def _known(market: str, rows: list[Listed]) -> list[str]:
  return [
    spelling(instrument_of(market, row.symbol, row.base, row.quote))
    for row in rows
    if row.status not in ENDED
  ]
