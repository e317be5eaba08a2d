"""Tokens: known ones, and those whose contracts describe themselves."""

from typing import NamedTuple

import attrs

from bond_evm.abi import MOST_DECIMALS, is_address


@attrs.frozen(kw_only=True)
class Token:
  """A token that a spec names: its contract, its symbol and its decimals (left out: those that the
  contract answers)."""

  address: str
  symbol: str
  decimals: int | None = None

  def __attrs_post_init__(self) -> None:
    check_address(self.address)
    if not 0 < len(self.symbol) <= 32 or not self.symbol.isascii() or not self.symbol.isprintable():
      raise ValueError(f"{self.symbol[:64]!r} is no symbol; write up to 32 ASCII characters")
    if self.decimals is not None and not 0 <= self.decimals <= MOST_DECIMALS:
      raise ValueError(f"{self.decimals} decimals cannot be; write 0 to {MOST_DECIMALS}")


class TokenInfo(NamedTuple):
  """A contract: `symbol` is the one that events have, None for its address; `says` is the symbol
  that the contract itself answers."""

  symbol: str | None = None
  decimals: int | None = None
  says: str | None = None


MAINNET = {
  "USDT": ("0xdac17f958d2ee523a2206206994597c13d831ec7", 6),
  "USDC": ("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6),
  "DAI": ("0x6b175474e89094c44da98b954eedeac495271d0f", 18),
  "WETH": ("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", 18),
  "WBTC": ("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", 8),
}
"""Contracts and decimals on Ethereum: Uniswap/default-token-list, src/tokens/mainnet.json; Circle
(developers.circle.com, USDC contract addresses) and Tether (tether.to, supported protocols) name
theirs. Anybody can make a token with any symbol, so others are named by their contracts."""

TOKENS = {
  "ethereum": MAINNET,
  # Uniswap/default-token-list, src/tokens/base.json.
  "base": {
    "USDC": ("0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", 6),
    "DAI": ("0x50c5725949a6f0c72e6c4a641f24049a917db0cb", 18),
    "WETH": ("0x4200000000000000000000000000000000000006", 18),
  },
}
"""Known tokens by chain."""


def check_address(text: str) -> None:
  """Raises ValueError for a text that is no address of an EVM chain."""
  if not is_address(text):
    raise ValueError(f"{text[:100]!r} is no address of an EVM chain; write 0x and 40 digits of hex")


def asset_of(symbol: str) -> str:
  """Returns USDT of USDT/USD, $USDT or usdt."""
  return symbol.strip().removeprefix("$").replace("-", "/").partition("/")[0].upper()


MAX_TOKENS = 20_000
"""Contracts that are remembered; the amounts of more are sent without decimals."""


class Tokens:
  """Contracts that are known. Anybody may choose any symbol for a contract, so the symbol that an
  unlisted one answers is only what it `says`. One that a spec names by its address may have that
  symbol, unless another has it."""

  def __init__(self, listed: dict[str, TokenInfo], named: frozenset[str]) -> None:
    self._known = {
      address: token for address, token in listed.items() if token.decimals is not None
    }
    self._symbols = {address: token.symbol for address, token in listed.items()}
    self._taken = {(token.symbol or "").upper() for token in listed.values()}
    self._named = named

  def get(self, address: str) -> TokenInfo | None:
    """Returns a contract, None where its decimals and symbol have to be requested."""
    token = self._known.get(address)
    if token is None and len(self._known) >= MAX_TOKENS:
      return TokenInfo(self._symbols.get(address))
    return token

  def add(self, address: str, decimals: int | None, says: str | None) -> TokenInfo:
    """Adds and returns a contract that has answered."""
    symbol = self._symbols.get(address)
    own = says.upper() if says is not None and address in self._named else ""
    if symbol is None and own and own not in self._taken:
      symbol = own
      self._taken.add(symbol)
    token = self._known[address] = TokenInfo(symbol, decimals, says)
    return token
