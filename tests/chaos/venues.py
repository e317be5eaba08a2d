"""The venues that take part: their simulator, what is subscribed to, what their plan may hold."""

import random
from collections.abc import Callable, Sequence
from typing import Any, get_args

import attrs
from bond_sim.binance.config import BinanceConfig, serve_binance
from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin
from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky
from bond_sim.bluesky.site import did_of
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.okx.config import OkxConfig, serve_okx
from bond_simkit import EpisodeKind

from tests.chaos.items import ItemJudge, ItemTruth
from tests.chaos.judge import Judge
from tests.chaos.truth import Truth

PORT = 9000
KINDS: tuple[EpisodeKind, ...] = get_args(EpisodeKind)
SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT")


def _market(name: str) -> Callable[[random.Random, str], dict[str, Any]]:
  """The sources of a market venue: one to three channels of one or two markets."""

  def sources(rng: random.Random, url: str) -> dict[str, Any]:
    symbols = rng.choice(([SYMBOLS[0]], [SYMBOLS[1]], list(SYMBOLS)))
    channels = rng.sample(("trades", "orderbook", "ticker"), rng.randint(1, 3))
    common = {"symbols": symbols, "endpoint": url}
    more = {"orderbook": {"deltas": True}, "ticker": {"stats": False}}
    return {
      channel: {"use": f"{name}.{channel}", "with": common | more.get(channel, {})}
      for channel in channels
    }

  return sources


def _transactions(rng: random.Random, url: str) -> dict[str, Any]:
  return {"tx": {"use": "onchain.bitcoin", "with": {"event_types": ["tx"], "endpoint": url}}}


def _posts(rng: random.Random, url: str) -> dict[str, Any]:
  authors = [did_of(name) for name in ("anna", "bo", "chris")]
  return {"posts": {"use": "bluesky.posts", "with": {"authors": authors, "endpoint": url}}}


@attrs.frozen(kw_only=True)
class Venue:
  """`numbered`: whether what the venue drops shows by the numbers of the rest. `restarts`: whether
  it may begin anew, with other numbers."""

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
  truth: Callable[[], Any] = Truth
  judge: Callable[..., Any] = Judge

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
  )
}
