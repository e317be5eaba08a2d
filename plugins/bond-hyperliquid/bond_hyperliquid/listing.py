"""What the venue lists: the coin that it calls each market by.

A coin that does not exist closes the connection with all that it carries, without a word, so
nothing is subscribed to before the list has it. It comes in two parts: the tokens with the pairs of
spot, and the perpetuals of all dexes, each with the token that it is counted in.
Source: "Retrieve spot metadata" (spotMeta), "Retrieve perpetuals metadata" of all dexes
(allPerpMetas); `isDelisted` is true for what is no longer traded.
"""

from collections.abc import Mapping, Sequence

import attrs
import msgspec
from bond_venuekit import (
  ListedMarket,
  ListPage,
  ListSource,
  NameList,
  NameRequest,
  VenueMarkets,
  readable,
)

from bond_core import Instrument
from bond_core.feeds import Fetch, Response
from bond_hyperliquid.endpoints import PUBLIC, Connection
from bond_hyperliquid.symbols import DOLLARS, EXCHANGE, TITLE, builder_symbol, spelling

SPOT_REQUEST = b'{"type":"spotMeta"}'
PERPS_REQUEST = b'{"type":"allPerpMetas"}'
WEIGHT = 20
PERPS = "perps"
"""What the request for the second part takes."""


class _Token(msgspec.Struct, gc=False):
  name: str
  index: int


class _Pair(msgspec.Struct, rename={"canonical": "isCanonical"}):
  name: str
  tokens: tuple[int, int]
  index: int
  canonical: bool = False


class _Spot(msgspec.Struct):
  tokens: list[msgspec.Raw]
  universe: list[msgspec.Raw]


class _Perp(msgspec.Struct, gc=False, rename={"decimals": "szDecimals", "delisted": "isDelisted"}):
  name: str
  decimals: int = 0
  delisted: bool | None = None


class _Dex(msgspec.Struct, rename={"collateral": "collateralToken"}):
  universe: list[msgspec.Raw]
  collateral: int = 0


_read_spot = msgspec.json.Decoder(_Spot).decode
_read_token = msgspec.json.Decoder(_Token).decode
_read_pair = msgspec.json.Decoder(_Pair).decode
_read_dexes = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_dex = msgspec.json.Decoder(_Dex).decode
_read_perp = msgspec.json.Decoder(_Perp).decode


@attrs.frozen(kw_only=True)
class HyperliquidMarket(ListedMarket):
  """A market, and the coin that the venue calls it by."""

  coin: str
  instrument: Instrument


def is_perps(body: bytes) -> bool:
  """Which part of the list an answer is: the perpetuals, or spot."""
  return body.lstrip().startswith(b"[")


class Coins:
  """Coins by how users write their markets, and back. What was listed once stays known, since its
  messages may still come."""

  def __init__(self) -> None:
    self.changes = 0
    """How often a list was read."""
    self._coins: dict[str, str] = {}
    self._written: dict[str, str] = {}
    self._tokens = {0: DOLLARS}

  def coin(self, written: str) -> str:
    """The coin of a market. What no list has named yet is taken for a perpetual of the first dex,
    or a pair that is called as it is written; neither is subscribed to before a list has it."""
    return self._coins.get(written) or written.removesuffix(f"/{DOLLARS}:{DOLLARS}")

  def written(self, coin: str) -> str:
    """How users write the market of a coin, "" for one that is not known."""
    found = self._written.get(coin)
    if found is not None:
      return found
    if coin.isalnum():
      return f"{coin.upper()}/{DOLLARS}:{DOLLARS}"
    return coin if "/" in coin else ""

  def read(self, body: bytes) -> ListPage[HyperliquidMarket]:
    """The markets in a part of the list, whichever it is. Raises UNREADABLE."""
    page = self._perps(body) if is_perps(body) else self._spot(body)
    self.changes += 1
    for market in page.markets:
      self._coins[market.symbol] = market.coin
      self._written[market.coin] = market.symbol
    return page

  def _spot(self, body: bytes) -> ListPage[HyperliquidMarket]:
    spot = _read_spot(body)
    tokens, _ = readable(spot.tokens, _read_token, "name")
    self._tokens = {token.index: token.name.upper() for token in tokens}
    pairs, _ = readable(spot.universe, _read_pair, "name")
    found: dict[str, HyperliquidMarket] = {}
    # Names of tokens are not unique. The pair that the venue calls canonical, or else the older
    # one, has the name; each other one has its number as well.
    for pair in sorted(pairs, key=lambda pair: (not pair.canonical, pair.index)):
      base, quote = (self._tokens.get(token) for token in pair.tokens)
      if base is None or quote is None:
        continue
      symbol = f"{base}/{quote}"
      if symbol in found:
        symbol = f"{base}-{pair.index}/{quote}"
      market = _market(Instrument(EXCHANGE, "spot", symbol), pair.name)
      found.setdefault(market.symbol, market)
    return ListPage(list(found.values()))

  def _perps(self, body: bytes) -> ListPage[HyperliquidMarket]:
    found: dict[str, HyperliquidMarket] = {}
    unread: dict[str, str] = {}
    dexes, _ = readable(_read_dexes(body), _read_dex, "name")
    for dex in dexes:
      quote = self._tokens.get(dex.collateral)
      if quote is None:
        continue  # What it is counted in is not known: no price of it means anything.
      perps, broken = readable(dex.universe, _read_perp, "name")
      for perp in perps:
        market = _market(_perpetual(perp.name, quote), perp.name, perp)
        found.setdefault(market.symbol, market)
      unread |= {spelling(_perpetual(coin, quote)): why for coin, why in broken.items()}
    return ListPage(list(found.values()), unread=unread)


def _perpetual(coin: str, quote: str) -> Instrument:
  return Instrument(EXCHANGE, "perp", builder_symbol(coin, quote))


def _market(instrument: Instrument, coin: str, perp: _Perp | None = None) -> HyperliquidMarket:
  written = spelling(instrument)
  delisted = perp is not None and bool(perp.delisted)
  return HyperliquidMarket(
    symbol=written,
    written=written,
    status="delisted" if delisted else "listed",
    state="ended" if delisted else "open",
    terms={} if perp is None else {"lot size": f"{10.0**-perp.decimals:g}"},
    coin=coin,
    instrument=instrument,
  )


def hyperliquid_markets(connection: Connection, coins: Coins) -> VenueMarkets[HyperliquidMarket]:
  """The list of a connection, which fills `coins`."""

  part = ""

  def request(family: str, symbols: list[str] | None, rest: str) -> Fetch:
    nonlocal part
    part = rest
    body = PERPS_REQUEST if rest == PERPS else SPOT_REQUEST
    return Fetch(connection.info, "the list of markets", PUBLIC, WEIGHT, body=body)

  def read(family: str, body: bytes) -> ListPage[HyperliquidMarket]:
    if is_perps(body) != (part == PERPS):
      raise ValueError("the answer is not what was requested")
    page = coins.read(body)
    if not page.markets:
      raise ValueError("the list is empty")
    return attrs.evolve(page, rest="" if part == PERPS else PERPS)

  return VenueMarkets(
    ListSource(
      family=lambda instrument: EXCHANGE,
      symbol=spelling,
      request=request,
      read=read,
      spelling=spelling,
      place=lambda family: f"on {TITLE}",
      waits=lambda subscription: True,
    )
  )


def names_of(connection: Connection, coins: Coins) -> NameList:
  """Where the venue's own names are listed: xyz:TSLA and @107."""

  def requests(name: Instrument) -> Sequence[NameRequest]:
    bodies = (SPOT_REQUEST, PERPS_REQUEST)
    return [NameRequest(connection.info, PUBLIC, WEIGHT, body) for body in bodies]

  def read(name: Instrument, response: Response) -> Mapping[str, Instrument] | None:
    if response.status != 200:
      return None
    markets = coins.read(response.body).markets
    return {market.coin.upper(): market.instrument for market in markets}

  return NameList(requests, read)
