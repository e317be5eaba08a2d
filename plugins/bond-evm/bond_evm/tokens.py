"""Tokens: those that are known, and what others say of themselves."""

from typing import NamedTuple

import attrs

from bond_evm.abi import MOST_DECIMALS, is_address


@attrs.frozen(kw_only=True)
class Token:
  """A token that a spec names: its contract, what it is called, and its decimals (left out: the
  contract is asked)."""

  address: str
  symbol: str
  decimals: int | None = None

  def __attrs_post_init__(self) -> None:
    check_address(self.address)
    if not 0 < len(self.symbol) <= 32 or not self.symbol.isascii() or not self.symbol.isprintable():
      raise ValueError(f"{self.symbol[:64]!r} is no symbol; write up to 32 ASCII characters")
    if self.decimals is not None and not 0 <= self.decimals <= MOST_DECIMALS:
      raise ValueError(f"{self.decimals} decimals cannot be; write 0 to {MOST_DECIMALS}")


class Known(NamedTuple):
  """What is known of a contract: `symbol` is the one to tell it by, None for its address; `says` is
  what it calls itself."""

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
  """ValueError for what is no address of an EVM chain."""
  if not is_address(text):
    raise ValueError(f"{text[:100]!r} is no address of an EVM chain; write 0x and 40 digits of hex")


def asset_of(symbol: str) -> str:
  """USDT of USDT/USD, $USDT or usdt."""
  return symbol.strip().removeprefix("$").replace("-", "/").partition("/")[0].upper()


MAX_KNOWN = 20_000
"""Contracts that are asked and remembered; the amounts of more are told without decimals."""


class Tokens:
  """What is known of contracts. Of those that nobody named, the symbol is what anybody chose: it is
  told as what they say, and never as theirs. One that a spec names by its address may be called
  what it calls itself, unless another is known by that name."""

  def __init__(self, listed: dict[str, Known], named: frozenset[str]) -> None:
    self._known = {
      address: known for address, known in listed.items() if known.decimals is not None
    }
    self._symbols = {address: known.symbol for address, known in listed.items()}
    self._taken = {(known.symbol or "").upper() for known in listed.values()}
    self._named = named

  def get(self, address: str) -> Known | None:
    """What is known of a contract; None where it has to be asked."""
    known = self._known.get(address)
    if known is None and len(self._known) >= MAX_KNOWN:
      return Known(self._symbols.get(address))
    return known

  def learn(self, address: str, decimals: int | None, says: str | None) -> Known:
    """What a contract has answered."""
    symbol = self._symbols.get(address)
    named = says.upper() if says is not None and address in self._named else ""
    if symbol is None and named and named not in self._taken:
      symbol = named
      self._taken.add(symbol)
    known = self._known[address] = Known(symbol, decimals, says)
    return known
