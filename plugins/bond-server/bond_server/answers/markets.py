"""Which market a question means, and which events are of it."""

from collections.abc import Iterator

from bond_core import AnyEvent, Channel, Instrument, Market, MarketType, parse_symbol
from bond_server.answers.refused import QuestionRefused

_OF_ASSETS = frozenset(("post", "chain", "custom"))
_OPEN: tuple[MarketType | None, ...] = ("spot", None)
"""What a spelling means that says no type: a price of a perpetual is not taken for one of spot."""
MAX_NAME = 100


def market_of(text: object) -> Market:
  """The market of a spelling. Raises QuestionRefused, which shows the spellings."""
  if not isinstance(text, str) or not text.strip() or len(text) > MAX_NAME:
    raise QuestionRefused(422, f"a symbol is BASE/QUOTE, up to {MAX_NAME} characters: BTC/USDT")
  try:
    return parse_symbol(text)
  except ValueError:
    raise QuestionRefused(
      422,
      "this is no symbol; write BASE/QUOTE such as BTC/USDT, or BTC/USDT:USDT for a perpetual",
      quoted={"symbol": text},
    ) from None


def exchange_of(text: object) -> str:
  """The name of a venue. Raises QuestionRefused."""
  if not isinstance(text, str) or not text.strip().isprintable() or not 0 < len(text) <= MAX_NAME:
    raise QuestionRefused(422, "an exchange is a name such as binance; `markets` lists them")
  return text.strip().lower()


def instruments_of(market: Market, exchange: str) -> Iterator[Instrument]:
  """The instruments that a spelling may be at a venue, the likeliest first."""
  kinds = _OPEN if market.market_type is None else (market.market_type,)
  symbols = [market.symbol] if market.quote else []
  if market.settle is not None:
    symbols.insert(0, f"{market.symbol}:{market.settle}")
  if market.name is not None:
    symbols.append(market.name)
  for kind in kinds:
    for symbol in symbols:
      yield Instrument(exchange, kind, symbol, market.expiry)


def is_of(market: Market, event: AnyEvent, channel: Channel) -> bool:
  """Whether an event is of the market that a spelling names."""
  symbol = event.symbol
  pair, _, settle = symbol.partition(":")
  kind = getattr(event, "market_type", market.market_type)
  if market.market_type is None:
    if kind not in _OPEN and market.name is None:
      return False
  else:
    if kind != market.market_type or getattr(event, "expiry", None) != market.expiry:
      return False
    if settle and market.settle not in (None, settle):
      return False
  if market.quote and market.symbol in (pair, symbol):
    return True
  if market.name is not None:
    upper, name = symbol.upper(), market.name.upper()
    if name in (upper, pair.upper().replace("/", ""), pair.upper().removesuffix("/USDT")):
      return True
  return channel in _OF_ASSETS and "/" not in symbol and market.base == symbol
