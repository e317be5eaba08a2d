"""Simulated venues for Bond: real servers that speak the venues' own protocols."""

from collections.abc import Iterable

from bond_core import SimulatorType, hookimpl


@hookimpl
def bond_register_simulators() -> Iterable[SimulatorType]:
  from bond_sim.binance.config import BinanceConfig, serve_binance
  from bond_sim.faults import KINDS

  yield SimulatorType(
    name="binance",
    summary="Binance spot and USD-M futures: a generated market, or recordings played again.",
    config=BinanceConfig,
    serve=serve_binance,
    faults=tuple((name, kind.summary) for name, kind in KINDS.items()),
  )
  from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin

  yield SimulatorType(
    name="bitcoin",
    summary="A mempool server of Bitcoin: generated transactions, blocks and fees.",
    config=BitcoinConfig,
    serve=serve_bitcoin,
    faults=tuple((name, kind.summary) for name, kind in KINDS.items()),
  )
  from bond_sim.bybit.config import BybitConfig, serve_bybit

  yield SimulatorType(
    name="bybit",
    summary="Bybit: a generated market of spot, linear and inverse contracts.",
    config=BybitConfig,
    serve=serve_bybit,
    faults=tuple((name, kind.summary) for name, kind in KINDS.items()),
  )
  from bond_sim.okx.config import OkxConfig, serve_okx

  yield SimulatorType(
    name="okx",
    summary="OKX spot and contracts: a generated market, or recordings played again.",
    config=OkxConfig,
    serve=serve_okx,
    faults=tuple((name, kind.summary) for name, kind in KINDS.items()),
  )
  from bond_sim.x.config import XConfig, serve_x
  from bond_sim.x.faults import KINDS as X_FAULTS

  yield SimulatorType(
    name="x",
    summary="X (Twitter) API v2: the filtered stream with generated posts.",
    config=XConfig,
    serve=serve_x,
    faults=tuple(X_FAULTS.items()),
  )
  from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky
  from bond_sim.bluesky.faults import KINDS as BLUESKY_FAULTS

  yield SimulatorType(
    name="bluesky",
    summary="Bluesky's Jetstream v1: generated posts, with cursors and replay.",
    config=BlueskyConfig,
    serve=serve_bluesky,
    faults=tuple(BLUESKY_FAULTS.items()),
  )
  from bond_sim.geyser.config import GeyserConfig, serve_geyser
  from bond_sim.geyser.faults import KINDS as GEYSER_FAULTS

  yield SimulatorType(
    name="geyser",
    summary="Solana's Yellowstone Geyser gRPC: a generated chain with forks, votes and transfers.",
    config=GeyserConfig,
    serve=serve_geyser,
    faults=tuple(GEYSER_FAULTS.items()),
  )
  from bond_sim.evm.config import EvmConfig, serve_evm
  from bond_sim.evm.faults import KINDS as EVM_FAULTS

  yield SimulatorType(
    name="evm",
    summary="A node of Ethereum or another EVM chain: generated blocks, transfers and forks.",
    config=EvmConfig,
    serve=serve_evm,
    faults=tuple(EVM_FAULTS.items()),
  )
