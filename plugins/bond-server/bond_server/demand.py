"""Upstream subscriptions follow demand: what a server's readers subscribe to, its sources carry."""

import logging
from collections.abc import Iterable, Sequence

import attrs
import trio

from bond_core import BondError, Channel, Instrument, Market, Registry, SourceType
from bond_core.hosting import Simulators, SourceManager, SourceReader
from bond_core.packages import package_for
from bond_core.services import Lease, Rejection

# How long an answer waits for a venue's own word about a new subscription.
VERDICT_WITHIN = 1.0


@attrs.frozen
class Carrier:
  """A source that can carry markets on demand: its type, and the configuration that it runs
  with (None: it does not run yet)."""

  type: SourceType
  config: object | None

  @property
  def exchange(self) -> str:
    """The venue whose events it carries."""
    return self.type.exchange_of(self.config)

  def carries(self, channel: Channel) -> bool:
    """Whether events of this channel come from it."""
    return any(kind.channel == channel for kind in self.type.emits)


@attrs.define(eq=False)
class SourceLease:
  """What one reader subscribes to: the source readers that carry it, and what no source can carry.
  `standing` says that events may come all the same; `raw` that events have the venues' own messages
  meanwhile; `named` are the instruments that venues' own names, and contracts whose settlement is
  named, turned out to be; `waiting` is what a simulator is yet to be started for."""

  readers: list[SourceReader] = attrs.field(factory=list)
  rejected: list[Rejection] = attrs.field(factory=list)
  standing: bool = False
  raw: bool = False
  named: set[Instrument] = attrs.field(factory=set)
  waiting: list[tuple[str, Carrier, Channel, Market]] = attrs.field(factory=list)

  @property
  def carried(self) -> bool:
    """Whether events may come."""
    return bool(self.readers) or self.standing or not self.rejected


class SourceDemand:
  """Subscribes sources to what readers subscribe to. `running` are the sources of the server's
  specs; a venue that none of them reaches is brought up if its plugin is installed, for its market
  data only. With `simulators` nothing goes to a real venue: what stands in for one is started when
  it is first named."""

  def __init__(
    self,
    sources: SourceManager,
    registry: Registry,
    running: Iterable[Carrier],
    simulators: Simulators | None = None,
  ) -> None:
    self._sources = sources
    self._registry = registry
    carriers = list(running)
    self._running = [carrier for carrier in carriers if carrier.type.on_demand is not None]
    # Posts and chains: what these bring is what a spec named.
    self._settled = [carrier for carrier in carriers if carrier.type.on_demand is None]
    self._simulators = simulators
    self._installed: list[Carrier] | None = None

  def lease(
    self,
    channels: frozenset[Channel],
    markets: Sequence[Market],
    exchanges: frozenset[str],
    *,
    raw: bool = False,
  ) -> SourceLease:
    """Subscribes to every channel of every market at every named venue ("*": those that run).
    Returns at once; `await_verdicts` waits for what the venues say."""
    lease = SourceLease(raw=raw)
    for market in markets:
      for channel in sorted(channels):
        for exchange in sorted(exchanges):
          self._subscribe(lease, channel, market, exchange)
    if raw:
      _keep_raw(lease, True)
    return lease

  def _subscribe(self, lease: SourceLease, channel: Channel, market: Market, exchange: str) -> None:
    carriers = self._carriers(channel, exchange)
    if not carriers and able(self._settled, channel, exchange):
      lease.standing = True
      return
    reason = None if carriers else self._why_rejected(channel, exchange)
    for carrier in carriers:
      reason = self._open(lease, carrier, channel, market)
      if reason is None and exchange != "*":
        break
    if reason is not None:
      lease.rejected.append(Rejection(channel, str(market), exchange, reason))

  def _open(
    self, lease: SourceLease, carrier: Carrier, channel: Channel, market: Market
  ) -> str | None:
    """Has a source carry a channel of a market, at once or when its simulator runs; returns why it
    cannot."""
    try:
      if carrier.type.on_demand is None:
        raise BondError(f"{carrier.type.name} carries only what a spec names")
      config = carrier.type.on_demand(carrier.config, market)
      if self._simulators is not None:
        venue = carrier.type.simulated_by(config)
        if venue is None:
          raise BondError(f"{carrier.exchange} has no simulator; run without --sim")
        if venue not in self._simulators.urls:
          lease.waiting.append((venue, carrier, channel, market))
          return None
        config = attrs.evolve(config, endpoint=self._simulators.urls[venue])
      name = f"{channel} of {market}"
      # The client has the answer; the server's own log is not for what strangers try.
      reader = self._sources.open(name, carrier.type, config, logging.DEBUG)
    except (BondError, ValueError) as exc:
      return str(exc)
    lease.readers.append(reader)
    if market.name is not None or market.settle is not None:
      found = (subscription.instrument for subscription in reader.subscriptions)
      lease.named.update(instrument for instrument in found if "/" in instrument.symbol)
    return None

  def _carriers(self, channel: Channel, exchange: str) -> list[Carrier]:
    found = able(self._running, channel, exchange)
    if found or (exchange == "*" and self._running):
      return found
    return able(self._all_installed(), channel, exchange)

  def _all_installed(self) -> list[Carrier]:
    if self._installed is None:
      self._installed = [
        Carrier(spec, None)
        for plugin in self._registry.plugins()
        for spec in plugin.of(SourceType)
        if spec.on_demand is not None and spec.market_data
      ]
    return self._installed

  def exchanges(self) -> set[str]:
    """The venues that can be subscribed to."""
    return {carrier.exchange for carrier in (*self._running, *self._all_installed())}

  def carried(self, channel: Channel) -> set[tuple[str, str]]:
    """The exchanges and symbols ("*": any) of which events of a channel may come."""
    return {one for source in self._sources.sources for one in source.carried(channel)}

  def _why_rejected(self, channel: Channel, exchange: str) -> str:
    if exchange == "*":
      return f"no source that runs here carries {channel}"
    known = self.exchanges()
    if exchange in known:
      return f"{exchange} carries no {channel}"
    there = f"; there is {', '.join(sorted(known))}" if known else ""
    package = package_for("plugins", exchange)
    hint = f"; pip install {package}" if package else there
    return f"no source of {exchange} is installed{hint}"

  async def await_verdicts(self, lease: Lease) -> None:
    """Waits, for a moment, until the venues have taken or refused what is new in a lease; what was
    refused goes to its `rejected`. Simulators that it is the first to need are started before."""
    if not isinstance(lease, SourceLease):
      raise TypeError("a lease of another server")
    if self._simulators is not None:
      await self._simulate(lease, self._simulators)
    with trio.move_on_after(VERDICT_WITHIN):
      for reader in lease.readers:
        await reader.answered.wait()
    await trio.lowlevel.checkpoint()
    for reader in list(lease.readers):
      if reader.failure is not None:
        lease.rejected += [
          Rejection(
            subscription.channel,
            subscription.instrument.symbol,
            subscription.instrument.exchange,
            reader.failure,
          )
          for subscription in reader.subscriptions
        ]
        self._close(reader, raw=lease.raw)
        lease.readers.remove(reader)

  async def _simulate(self, lease: SourceLease, simulators: Simulators) -> None:
    """Opens what waits for simulators, as each of them runs."""

    async def opened(venue: str, carrier: Carrier, channel: Channel, market: Market) -> None:
      try:
        await simulators.run(venue)
      except BondError as exc:
        reason: str | None = str(exc)
      else:
        reason = self._open(lease, carrier, channel, market)
      if reason is not None:
        lease.rejected.append(Rejection(channel, str(market), carrier.exchange, reason))

    async with trio.open_nursery() as nursery:
      while lease.waiting:
        nursery.start_soon(opened, *lease.waiting.pop())

  def release(self, lease: Lease) -> None:
    """A reader unsubscribes; what has no other reader ends upstream after a grace period."""
    if not isinstance(lease, SourceLease):
      raise TypeError("a lease of another server")
    for reader in lease.readers:
      self._close(reader, raw=lease.raw)
    lease.readers.clear()

  def _close(self, reader: SourceReader, *, raw: bool) -> None:
    if raw:
      reader.source.keep_raw(False)
    self._sources.close(reader)


def _keep_raw(lease: SourceLease, keep: bool) -> None:
  for reader in lease.readers:
    reader.source.keep_raw(keep)


def able(carriers: Sequence[Carrier], channel: Channel, exchange: str) -> list[Carrier]:
  """Those that carry a channel of a venue ("*": of any)."""
  return [c for c in carriers if c.carries(channel) and exchange in ("*", c.exchange)]
