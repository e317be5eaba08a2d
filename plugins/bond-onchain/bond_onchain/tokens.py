"""Tokens of Solana by symbol, and the addresses that stand in specs."""

from bond_geyser.base58 import decode

WRAPPED = "So11111111111111111111111111111111111111112"
"""The mint of SOL in a token account."""

MINTS = {
  "BONK": "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263",
  "JUP": "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN",
  "USDC": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
  "USDT": "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
  "WIF": "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm",
}
"""Mints by symbol. Anybody can make a token with any symbol, so others are named by their mint."""


def check_address(text: str) -> None:
  """Raises ValueError for a text that is no address of Solana: 32 bytes in base58."""
  try:
    found = decode(text)
  except ValueError as error:
    raise ValueError(f"{text!r} is no address of Solana: {error}") from None
  if len(found) != 32:
    raise ValueError(f"{text!r} is no address of Solana: it has {len(found)} bytes instead of 32")


def asset_of(symbol: str) -> str:
  """Returns USDC of USDC/USDT, $USDC or usdc."""
  return symbol.strip().removeprefix("$").replace("-", "/").partition("/")[0].upper()
