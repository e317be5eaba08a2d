"""Readers decide what runs upstream: what somebody asks a server for is asked of the sources."""

import logging
from collections.abc import Iterable, Sequence

import attrs
import trio

from bond_core.components import SourceSpec
from bond_core.errors import BondError
from bond_core.feed.dialect import Subscription
from bond_core.hub import Hub, Tap
from bond_core.hub.feed_source import FeedSource
from bond_core.instruments import Market
from bond_core.registry import Registry

# How long an answer waits for a venue's own word about a new subscription.
VERDICT_WITHIN = 1.0
_LOOK_AGAIN = 0.02


@attrs.frozen
class Carrier:
  """A source that can carry markets nobody named yet: its spec, and the configuration that it runs
  with (None: it does not run yet)."""

  spec: SourceSpec
  config: object | None

  @property
  def exchange(self) -> str:
    """The venue whose events it carries."""
    return self.spec.exchange_of(self.config)

  def carries(self, channel: str) -> bool:
    """Whether events of this channel come from it."""
    return any(kind.channel == channel for kind in self.spec.emits)


@attrs.define(eq=False)
class Claim:
  """What one reader asked for: the taps that carry it, and what nobody can carry, with the reason
  in a sentence each. `standing` says that events may come all the same."""

  taps: list[Tap] = attrs.field(factory=list)
  rejected: list[dict[str, str]] = attrs.field(factory=list)
  standing: bool = False


class Demand:
  """Asks sources for what readers want. `running` are the sources of the server's specs; a venue
  that none of them reaches is brought up if its plugin is installed. With `simulated` (URLs by
  venue) nothing goes to a real venue."""

  def __init__(
    self,
    hub: Hub,
    registry: Registry,
    running: Iterable[Carrier],
    simulated: dict[str, str] | None = None,
  ) -> None:
    self._hub = hub
    self._registry = registry
    carriers = list(running)
    self._running = [carrier for carrier in carriers if carrier.spec.on_demand is not None]
    # Posts and chains: what these tell is what a spec named.
    self._settled = [carrier for carrier in carriers if carrier.spec.on_demand is None]
    self._simulated = simulated
    self._installed: list[Carrier] | None = None

  def claim(
    self, channels: Iterable[str], markets: Iterable[Market], exchanges: Iterable[str]
  ) -> Claim:
    """Asks for every channel of every market at every named venue ("*": those that run). Returns at
    once; `settle` waits for what the venues say."""
    claim = Claim()
    named = sorted(exchanges)
    for market in markets:
      for channel in sorted(channels):
        for exchange in named:
          self._ask(claim, channel, market, exchange)
    return claim

  def _ask(self, claim: Claim, channel: str, market: Market, exchange: str) -> None:
    carriers = self._carriers(channel, exchange)
    if not carriers and able(self._settled, channel, exchange):
      claim.standing = True
      return
    reason = None if carriers else self._why_nobody(channel, exchange)
    for carrier in carriers:
      try:
        config = self._config(carrier, market)
        name = f"{channel} of {market}"
        # Whoever asked is answered; the server's own log is not for what strangers ask.
        claim.taps.append(self._hub.open(name, carrier.spec, config, logging.DEBUG))
      except (BondError, ValueError) as exc:
        reason = str(exc)
      else:
        reason = None
        if exchange != "*":
          break
    if reason is not None:
      claim.rejected.append(
        {"channel": channel, "symbol": str(market), "exchange": exchange, "reason": reason}
      )

  def _config(self, carrier: Carrier, market: Market) -> object:
    if carrier.spec.on_demand is None:
      raise BondError(f"{carrier.spec.name} carries only what a spec names")
    config = carrier.spec.on_demand(carrier.config, market)
    if self._simulated is None:
      return config
    venue = carrier.spec.simulated_by(config)
    if venue is None or venue not in self._simulated:
      raise BondError(f"{carrier.exchange} is not simulated here; name it in the spec")
    return attrs.evolve(config, endpoint=self._simulated[venue])

  def _carriers(self, channel: str, exchange: str) -> list[Carrier]:
    found = able(self._running, channel, exchange)
    if found or (exchange == "*" and self._running):
      return found
    return able(self._all_installed(), channel, exchange)

  def _all_installed(self) -> list[Carrier]:
    if self._installed is None:
      self._installed = [
        Carrier(spec, None)
        for plugin in self._registry.plugins()
        for spec in plugin.of(SourceSpec)
        if spec.on_demand is not None
      ]
    return self._installed

  def exchanges(self) -> set[str]:
    """The venues that can be asked for."""
    return {carrier.exchange for carrier in (*self._running, *self._all_installed())}

  def _why_nobody(self, channel: str, exchange: str) -> str:
    if exchange == "*":
      return f"no source that runs here carries {channel}"
    known = self.exchanges()
    if exchange in known:
      return f"{exchange} carries no {channel}"
    there = f"; there is {', '.join(sorted(known))}" if known else ""
    return f"no source of {exchange} is installed, try pip install bond-{exchange}{there}"

  async def settle(self, claim: Claim) -> None:
    """Waits, for a moment, until the venues have taken or refused what is new in a claim; what was
    refused goes to its `rejected`."""
    with trio.move_on_after(VERDICT_WITHIN):
      while any(_open_question(tap) for tap in claim.taps):
        await trio.sleep(_LOOK_AGAIN)
    await trio.lowlevel.checkpoint()
    for tap in list(claim.taps):
      if tap.failure is not None:
        claim.rejected += [
          {
            "channel": subscription.channel,
            "symbol": subscription.instrument.symbol,
            "exchange": subscription.instrument.exchange,
            "reason": tap.failure,
          }
          for subscription in tap.subscriptions
        ]
        self._hub.close(tap)
        claim.taps.remove(tap)

  def keep_raw(self, claim: Claim, kept: bool) -> None:
    """Has the venues' own messages kept on the events of a claim's feeds, or no longer."""
    for writer in {tap.writer for tap in claim.taps}:
      if isinstance(writer, FeedSource):
        writer.driver.raw_readers += 1 if kept else -1

  def release(self, claim: Claim) -> None:
    """A reader no longer wants what it asked for; after a grace period it ends upstream."""
    for tap in claim.taps:
      self._hub.close(tap)
    claim.taps.clear()


def able(carriers: Sequence[Carrier], channel: str, exchange: str) -> list[Carrier]:
  """Those that carry a channel of a venue ("*": of any)."""
  return [c for c in carriers if c.carries(channel) and exchange in ("*", c.exchange)]


def _open_question(tap: Tap) -> bool:
  """The venue has neither delivered nor refused yet."""
  if tap.failure is not None or not isinstance(tap.writer, FeedSource):
    return False
  return any(not _heard(tap.writer, subscription) for subscription in tap.subscriptions)


def _heard(source: FeedSource, subscription: Subscription) -> bool:
  return source.driver.feed.last_received(subscription) is not None
