"""The venue's list of contracts: contracts are subscribed to once it is known what they are worth.

Source: "Get instruments".
"""

from collections.abc import Iterable

from bond_core import Instrument
from bond_core.config import did_you_mean
from bond_core.feeds import Fetch, Moment, Notice, Response, Subscription, own_words, said
from bond_core.venues import SECOND, UNREADABLE, FeedControl
from bond_okx.contracts import Contract, ContractOf, read_contracts
from bond_okx.endpoints import PUBLIC, Connection
from bond_okx.symbols import SPOT, TITLE, family, venue_symbol

MAX_WAIT = 30
"""Seconds between two tries."""

HINTS = 5
"""Wrong symbols of a request whose nearest spelling is looked for, since that takes a while."""

SEE = "; see the venue's list of markets"

_IN_CONTRACTS = ("trades", "orderbook", "liquidation")
"""Channels whose sizes are counted in contracts on derivatives; so are quotes."""


class ContractList:
  """The contracts of each family that is in use, fetched once."""

  def __init__(self, connection: Connection) -> None:
    self._endpoint = connection
    self._contracts: dict[str, dict[str, Contract]] = {}
    self._requested_ns: dict[str, int] = {}
    """When a family's list was last requested, while it is not known."""
    self._tries: dict[str, int] = {}

  def contract_of(self, instrument: Instrument) -> ContractOf:
    """What gives the contract of an instrument; None on spot, and while it is not listed."""
    kind, symbol = family(instrument), venue_symbol(instrument)

    def contract() -> Contract | None:
      listed = self._contracts.get(kind)
      return None if listed is None else listed.get(symbol)

    return contract

  def prepare(self, feed: FeedControl, subscriptions: Iterable[Subscription]) -> None:
    for kind in sorted({family(s.instrument) for s in subscriptions if needs_contract(s)}):
      if kind in self._contracts:
        self._refuse_unlisted(feed, kind)
      elif kind not in self._requested_ns:
        self._request(feed, kind)

  def ready(self, subscription: Subscription) -> bool:
    return not needs_contract(subscription) or family(subscription.instrument) in self._contracts

  def on_response(self, feed: FeedControl, fetch: Fetch, response: Response) -> None:
    kind = fetch.purpose.rpartition(" ")[2]
    reason = f"HTTP {response.status}{said(response.body)}"
    if response.status == 200:
      try:
        self._contracts[kind] = read_contracts(response.body)
      except UNREADABLE as exc:
        reason = own_words(str(exc), 200)
      else:
        if self._tries.get(kind, 0) > 1:
          # Its readers know why they waited.
          for subscription in _in_contracts_of(feed, kind):
            feed.actions.append(Notice(subscription, None))
        self._forget_request(kind)
        self._refuse_unlisted(feed, kind)
        feed.proceed()
        return
    # It is requested again for as long as there are readers, who know why they wait.
    for subscription in _in_contracts_of(feed, kind):
      text = f"OKX does not say what its contracts are worth: {reason}"
      feed.actions.append(Notice(subscription, text))

  def on_timer(self, feed: FeedControl, now: Moment) -> None:
    for kind, requested in list(self._requested_ns.items()):
      # Ever more rarely, and not while an answer may still come.
      wait = min(1 << min(self._tries.get(kind, 0), 10), MAX_WAIT) * SECOND
      if now.mono_ns - requested > wait:
        self._request(feed, kind)

  def _request(self, feed: FeedControl, kind: str) -> None:
    self._requested_ns[kind] = feed.now_ns
    self._tries[kind] = self._tries.get(kind, 0) + 1
    feed.actions.append(Fetch(self._endpoint.listing(kind), f"contracts of {kind}", PUBLIC))

  def _forget_request(self, kind: str) -> None:
    self._requested_ns.pop(kind, None)
    self._tries.pop(kind, None)

  def _refuse_unlisted(self, feed: FeedControl, kind: str) -> None:
    known, hints = self._contracts[kind], HINTS
    for subscription in _in_contracts_of(feed, kind):
      symbol = venue_symbol(subscription.instrument)
      if symbol not in known:
        hint = did_you_mean(symbol, known if hints > 0 else (), SEE, 0.7)
        hints -= 1
        feed.reject(subscription, f"{subscription}: {TITLE} has no {symbol}{hint}")


def needs_contract(subscription: Subscription) -> bool:
  """Whether it has to be known what a contract is worth to read this subscription."""
  if family(subscription.instrument) == SPOT:
    return False
  return subscription.channel in _IN_CONTRACTS or ("stream", "quotes") in subscription.options


def _in_contracts_of(feed: FeedControl, kind: str) -> list[Subscription]:
  """The subscriptions to a family whose sizes are counted in contracts."""
  return [
    state.subscription
    for state in feed.states()
    if family(state.subscription.instrument) == kind and needs_contract(state.subscription)
  ]
