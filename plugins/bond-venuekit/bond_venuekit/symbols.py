"""How users write a venue's instruments, and which of them a venue can serve."""

from collections.abc import Callable
from typing import TypeAlias

from bond_core import Instrument, Market, Refused
from bond_core.feeds import Subscription

SettledIn: TypeAlias = Callable[[str, str], str]
"""(base, quote) → the currency that contracts of this pair settle in."""


def settled_in_quote(base: str, quote: str) -> str:
  """The settlement currency where all contracts are linear."""
  return quote


def inverse_in_usd(base: str, quote: str) -> str:
  """The settlement currency where contracts quoted in USD are inverse and settle in their base, and
  all others are linear and settle in their quote."""
  return base if quote == "USD" else quote


def with_settlement(
  instrument: Instrument, settle: str | None, settled_in: SettledIn
) -> Instrument:
  """The instrument of a contract that settles in `settle`. Where its venue's contracts on the pair
  usually settle in another currency the symbol says so (BTC/USD:USD), since both may be listed."""
  base, _, quote = instrument.symbol.partition("/")
  if settle is None or settle == settled_in(base, quote):
    return instrument
  return instrument._replace(symbol=f"{instrument.symbol}:{settle}")


def parts_of(symbol: str) -> tuple[str, str, str | None]:
  """The base, the quote and, where the symbol says it, the settlement currency."""
  base, _, rest = symbol.partition("/")
  quote, _, settle = rest.partition(":")
  return base, quote, settle or None


def unified_symbol(instrument: Instrument, settled_in: SettledIn) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USDT:USDT,
  BTC/USDT:USDT-261225. A name that no list has split yet stays as it is."""
  base, quote, settle = parts_of(instrument.symbol)
  if not quote:
    return base
  if instrument.market_type != "spot":
    settle = settle or settled_in(base, quote)
  return str(Market(base, quote, instrument.market_type, settle, instrument.expiry))


def check_settlement(text: str, market: Market, settled_in: SettledIn, title: str) -> Market:
  """The market that `text` was read as. Raises ValueError where it settles in a currency that the
  venue's contracts on this pair do not; `title` is the venue's name in sentences."""
  settle = settled_in(market.base, market.quote)
  if market.settle not in (None, settle):
    raise ValueError(
      f"{text} is settled in {market.settle}; {title} settles contracts on {market.symbol} in "
      f"{settle}, so write {market.symbol}:{settle}"
    )
  return market


def check_kind(instrument: Instrument, title: str, *, dated: bool = True) -> None:
  """Raises Refused for anything but spot, perpetuals and, where the venue has them, `dated`
  contracts."""
  kind = instrument.market_type
  if kind in ("spot", "perp") or (dated and kind == "future" and instrument.expiry is not None):
    return
  contracts = " and dated contracts (BTC/USDT:USDT-261225)" if dated else ""
  comma = "," if dated else " and"
  raise Refused(
    f"{instrument}: {title} is served for spot{comma} perpetuals (BTC/USDT:USDT){contracts}"
  )


def check_contract(
  subscription: Subscription, settled_in: SettledIn, *, perpetual: bool = False
) -> None:
  """Raises Refused where the instrument is not a contract, or not a `perpetual` one, and so does
  not have the channel. The sentence names the perpetual."""
  instrument = subscription.instrument
  if instrument.market_type == "spot" or (perpetual and instrument.market_type == "future"):
    kind = "perpetuals" if perpetual else "contracts"
    symbol = unified_symbol(instrument._replace(market_type="perp", expiry=None), settled_in)
    raise Refused(
      f"{subscription}: only {kind} have {subscription.channel}; the perpetual is {symbol}"
    )
