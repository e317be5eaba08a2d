"""EVM chains by name."""

from typing import NamedTuple


class Chain(NamedTuple):
  """`number` is its chain id (EIP-155), `symbol` that of its blocks, `native` the currency that its
  transactions move; a block comes every `seconds`."""

  number: int
  symbol: str
  seconds: float
  native: str


CHAINS = {
  "ethereum": Chain(1, "ETH", 12.0, "ETH"),
  "optimism": Chain(10, "OP", 2.0, "ETH"),
  "bsc": Chain(56, "BNB", 3.0, "BNB"),
  "polygon": Chain(137, "POL", 2.0, "POL"),
  "base": Chain(8453, "ETH", 2.0, "ETH"),
  "arbitrum": Chain(42161, "ARB", 1.0, "ETH"),
  "avalanche": Chain(43114, "AVAX", 2.0, "AVAX"),
}
"""Chain ids and currencies are those of ethereum-lists/chains. A slot of Ethereum takes 12 s and
may stay empty (ethereum.org, Blocks); the others are at least as fast as here."""

SLOTS = 5
"""Ethereum misses a slot now and then; so many in a row are a node that is dead."""

LEAST_SILENCE = 30.0


def max_silence_of(chain: str) -> float:
  """Returns the seconds without a block after which a connection is given up."""
  known = CHAINS.get(chain)
  return max(LEAST_SILENCE, SLOTS * (known.seconds if known else 12.0))
