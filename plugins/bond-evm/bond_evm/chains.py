"""EVM chains by name."""

from typing import NamedTuple


class Chain(NamedTuple):
  """`number` is its chain id (EIP-155), `symbol` that of its blocks; a block comes every
  `seconds`."""

  number: int
  symbol: str
  seconds: float


CHAINS = {
  "ethereum": Chain(1, "ETH", 12.0),
  "optimism": Chain(10, "OP", 2.0),
  "bsc": Chain(56, "BNB", 3.0),
  "polygon": Chain(137, "POL", 2.0),
  "base": Chain(8453, "ETH", 2.0),
  "arbitrum": Chain(42161, "ARB", 1.0),
  "avalanche": Chain(43114, "AVAX", 2.0),
}
"""Chain ids are those of ethereum-lists/chains. A slot of Ethereum takes 12 s and may stay empty
(ethereum.org, Blocks); the others are at least as fast as here."""

SLOTS = 5
"""Ethereum misses a slot now and then; so many in a row are a node that is dead."""

LEAST_SILENCE = 30.0


def max_silence_of(chain: str) -> float:
  """Returns the seconds without a block after which a connection is given up."""
  known = CHAINS.get(chain)
  return max(LEAST_SILENCE, SLOTS * (known.seconds if known else 12.0))
