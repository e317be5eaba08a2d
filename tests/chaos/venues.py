"""The venues that take part: their simulator, what is subscribed to, what their plan may hold."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

import attrs
from bond_sim.binance.config import BinanceConfig, serve_binance
from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin
from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky
from bond_sim.bluesky.site import did_of
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.coinbase.config import CoinbaseConfig, serve_coinbase
from bond_sim.evm.config import EvmConfig, serve_evm
from bond_sim.geyser.config import GeyserConfig
from bond_sim.hyperliquid.config import HyperliquidConfig, serve_hyperliquid
from bond_sim.okx.config import OkxConfig, serve_okx
from bond_sim.x.config import XConfig, serve_x
from bond_simkit import EpisodeKind

from tests.chaos.chain import ChainJudge, ChainTruth
from tests.chaos.counts import CountJudge
from tests.chaos.custom import CustomJudge, custom
from tests.chaos.geyser import KINDS as OF_CALLS, GeyserJudge, GeyserTruth, serve_geyser
from tests.chaos.items import QUERY, ItemJudge, ItemTruth
from tests.chaos.markets import MarketJudge
from tests.chaos.truth import Truth

PORT = 9000
CHAOS = 15.0
KINDS: tuple[EpisodeKind, ...] = get_args(EpisodeKind)
ANSWERS: tuple[EpisodeKind, ...] = (
  "status", "body", "torn-answer", "slow", "stale", "encoding",
)  # fmt: skip
"""Of venues that are polled."""
SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT")
INVERSE = ("BTC/USD:BTC", "BTC/USD:BTC-260925")
"""A perpetual, and a contract that ends soon after the trials' beginning."""


def _market(
  name: str, markets: tuple[str, str] = SYMBOLS, *, stats: bool = True
) -> Callable[[random.Random, str], dict[str, Any]]:
  """The sources of a market venue: one to three channels of one or two markets."""

  def sources(rng: random.Random, url: str) -> dict[str, Any]:
    symbols = rng.choice(([markets[0]], [markets[1]], list(markets)))
    channels = rng.sample(("trades", "orderbook", "ticker"), rng.randint(1, 3))
    common = {"symbols": symbols, "endpoint": url}
    more = {"orderbook": {"deltas": True}, "ticker": {"stats": False} if stats else {}}
    return {
      channel: {"use": f"{name}.{channel}", "with": common | more.get(channel, {})}
      for channel in channels
    }

  return sources


def _transactions(rng: random.Random, url: str) -> dict[str, Any]:
  return {"tx": {"use": "onchain.bitcoin", "with": {"event_types": ["tx"], "endpoint": url}}}


def _x(name: str, every: float = 0.0) -> Callable[[random.Random, str], dict[str, Any]]:
  def sources(rng: random.Random, url: str) -> dict[str, Any]:
    given = {"query": QUERY, "endpoint": url} | ({"every": every} if every else {})
    return {name: {"use": f"x.{name}", "with": given}}

  return sources


def _blocks(rng: random.Random, url: str) -> dict[str, Any]:
  kinds = rng.sample(("transfer", "block", "metric"), rng.randint(1, 3))
  name = "-".join(kinds)
  return {name: {"use": "onchain.evm", "with": {"event_types": kinds, "endpoint": url}}}


def _slots(rng: random.Random, url: str) -> dict[str, Any]:
  kinds = rng.sample(("tx", "transfer", "block"), rng.randint(1, 3))
  commitment = rng.choice(("processed", "confirmed", "finalized"))
  given = {"event_types": kinds, "commitment": commitment, "endpoint": url}
  return {"-".join((*kinds, commitment)): {"use": "onchain.solana", "with": given}}


def _posts(rng: random.Random, url: str) -> dict[str, Any]:
  authors = [did_of(name) for name in ("anna", "bo", "chris")]
  return {"posts": {"use": "bluesky.posts", "with": {"authors": authors, "endpoint": url}}}


@attrs.frozen(kw_only=True)
class Venue:
  """`numbered`: whether what the venue drops shows by the numbers of the rest. `restarts`: whether
  it may begin anew, with other numbers. `chaos` is the seconds within which everything happens,
  `within` those after it within which all subscriptions are as the venue is again."""

  name: str
  exchange: str
  serve: Callable[..., Any]
  config: type
  options: dict[str, Any]
  sources: Callable[[random.Random, str], dict[str, Any]]
  kinds: Sequence[EpisodeKind] = KINDS
  numbered: bool = True
  restarts: bool = True
  dated: bool = True
  chaos: float = CHAOS
  within: float = 150.0
  truth: Callable[[], Any] = Truth
  judge: Callable[..., Any] = MarketJudge

  def simulator(self, seed: int, now_ms: int) -> Any:
    """The configuration of its simulator."""
    start = {"start": now_ms} if self.dated else {}
    return self.config(port=PORT, seed=seed, **self.options, **start)


VENUES = {
  venue.name: venue
  for venue in (
    *(
      Venue(
        name=name,
        exchange=name,
        serve=serve,
        config=config,
        options={"speed": 0.06},
        sources=_market(name),
        numbered=name != "bybit",
      )
      for name, serve, config in (
        ("binance", serve_binance, BinanceConfig),
        ("okx", serve_okx, OkxConfig),
        ("bybit", serve_bybit, BybitConfig),
      )
    ),
    Venue(
      name="coin-m",
      exchange="binance",
      serve=serve_binance,
      config=BinanceConfig,
      options={"speed": 0.3},
      sources=_market("binance", INVERSE),
    ),
    Venue(
      name="hyperliquid",
      exchange="hyperliquid",
      serve=serve_hyperliquid,
      config=HyperliquidConfig,
      options={"speed": 0.06},
      sources=_market("hyperliquid", ("HYPE/USDC", "BTC/USDC:USDC")),
      numbered=False,
      judge=partial(MarketJudge, linked=False),
    ),
    Venue(
      name="ws.custom",
      exchange="ws-chaos",
      serve=serve_binance,
      config=BinanceConfig,
      options={"speed": 0.06},
      sources=custom,
      # Nothing says that a message came before.
      kinds=[kind for kind in KINDS if kind != "repeat"],
      numbered=False,
      judge=CustomJudge,
    ),
    Venue(
      name="coinbase",
      exchange="coinbase",
      serve=serve_coinbase,
      config=CoinbaseConfig,
      options={"speed": 0.06},
      sources=_market("coinbase", ("BTC/USD", "ETH/USD"), stats=False),
      judge=partial(MarketJudge, by_time=True),
    ),
    Venue(
      name="bluesky",
      exchange="bluesky",
      serve=serve_bluesky,
      config=BlueskyConfig,
      options={"speed": 0.2},
      sources=_posts,
      numbered=False,
      restarts=False,
      dated=False,
      truth=ItemTruth,
      judge=ItemJudge,
    ),
    Venue(
      name="bitcoin",
      exchange="bitcoin",
      serve=serve_bitcoin,
      config=BitcoinConfig,
      options={"speed": 2.0},
      sources=_transactions,
      restarts=False,
      dated=False,
      truth=ItemTruth,
      judge=ItemJudge,
    ),
    Venue(
      name="evm",
      exchange="ethereum",
      serve=serve_evm,
      config=EvmConfig,
      options={"speed": 12.0, "transfers": 4, "forks": 5},
      sources=_blocks,
      restarts=False,
      dated=False,
      truth=ChainTruth,
      judge=ChainJudge,
    ),
    Venue(
      name="geyser",
      exchange="solana",
      serve=serve_geyser,
      config=GeyserConfig,
      options={"speed": 0.15, "forks": 0.15},
      sources=_slots,
      kinds=OF_CALLS,
      restarts=False,
      dated=False,
      truth=GeyserTruth,
      judge=GeyserJudge,
    ),
    *(
      Venue(
        name=name,
        exchange="x",
        serve=serve_x,
        config=XConfig,
        options={"speed": speed},
        sources=sources,
        kinds=kinds,
        numbered=name != "x",
        restarts=False,
        dated=False,
        truth=ItemTruth,
        judge=judge,
        chaos=chaos,
        # Two answers of 429 in a row have it wait for two minutes, and it polls once a minute.
        within=180.0 if judge is CountJudge else 150.0,
      )
      for name, sources, kinds, judge, chaos, speed in (
        # Nothing shows that only heartbeats come.
        ("x", _x("posts"), [kind for kind in KINDS if kind != "mute"], ItemJudge, CHAOS, 2.0),
        ("x.search", _x("search", 10), ANSWERS, partial(ItemJudge, lag=45.0), 60.0, 0.3),
        ("x.counts", _x("counts", 60), ANSWERS, CountJudge, 150.0, 0.2),
      )
    ),
  )
}
