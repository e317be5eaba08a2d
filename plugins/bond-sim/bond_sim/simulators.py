"""All simulated venues of this package."""

from bond_simkit import VENUE_FAULTS

from bond_core import SimulatorType
from bond_sim.binance.config import BinanceConfig, serve_binance
from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin
from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky
from bond_sim.bluesky.faults import BLUESKY_FAULTS
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.coinbase.config import CoinbaseConfig, serve_coinbase
from bond_sim.evm.config import EvmConfig, serve_evm
from bond_sim.evm.faults import EVM_FAULTS
from bond_sim.geyser.config import GeyserConfig, serve_geyser
from bond_sim.geyser.faults import GEYSER_FAULTS
from bond_sim.hyperliquid.config import HyperliquidConfig, serve_hyperliquid
from bond_sim.okx.config import OkxConfig, serve_okx
from bond_sim.x.config import XConfig, serve_x
from bond_sim.x.faults import X_FAULTS

SIMULATORS = [
  SimulatorType(name=name, summary=summary, config=config, serve=serve, faults=notation.summaries)
  for name, config, serve, notation, summary in (
    (
      "binance",
      BinanceConfig,
      serve_binance,
      VENUE_FAULTS,
      "Binance spot, USD-M and COIN-M futures: a generated market, or recordings played again.",
    ),
    (
      "bitcoin",
      BitcoinConfig,
      serve_bitcoin,
      VENUE_FAULTS,
      "A mempool server of Bitcoin: generated transactions, blocks and fees.",
    ),
    (
      "bybit",
      BybitConfig,
      serve_bybit,
      VENUE_FAULTS,
      "Bybit spot, linear and inverse: a generated market, or recordings played again.",
    ),
    (
      "coinbase",
      CoinbaseConfig,
      serve_coinbase,
      VENUE_FAULTS,
      "Coinbase Advanced Trade: a generated market, or recordings played again.",
    ),
    (
      "hyperliquid",
      HyperliquidConfig,
      serve_hyperliquid,
      VENUE_FAULTS,
      "Hyperliquid perpetuals and spot: a generated market, or recordings played again.",
    ),
    (
      "okx",
      OkxConfig,
      serve_okx,
      VENUE_FAULTS,
      "OKX spot and contracts: a generated market, or recordings played again.",
    ),
    (
      "x",
      XConfig,
      serve_x,
      X_FAULTS,
      "X (Twitter) API v2: the filtered stream with generated posts.",
    ),
    (
      "bluesky",
      BlueskyConfig,
      serve_bluesky,
      BLUESKY_FAULTS,
      "Bluesky's Jetstream v1: generated posts, with cursors and replay.",
    ),
    (
      "geyser",
      GeyserConfig,
      serve_geyser,
      GEYSER_FAULTS,
      "Solana's Yellowstone Geyser gRPC: a generated chain with forks, votes and transfers.",
    ),
    (
      "evm",
      EvmConfig,
      serve_evm,
      EVM_FAULTS,
      "A node of Ethereum or another EVM chain: generated blocks, transfers and forks.",
    ),
  )
]
