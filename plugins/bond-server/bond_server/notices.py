"""What readers have to know of parts of a source, as rows that clients are shown."""

from collections.abc import Mapping

from bond_core.feeds import Subscription
from bond_core.hosting import Source


def notices_of(source: Source) -> list[dict[str, str | None]]:
  """Rows of exchange, channel, symbol, market_type, state and reason; one for all subscriptions of
  which the same is true. "*" stands for several channels or symbols."""
  concerned: dict[tuple[str, str, str | None], list[Subscription]] = {}
  for subscription, state, reason in source.notices():
    market_type = None if subscription is None else subscription.instrument.market_type
    found = concerned.setdefault((state.value, reason, market_type), [])
    found += [] if subscription is None else [subscription]
  return [
    {
      "exchange": source.exchange,
      "channel": _only({s.channel for s in subscriptions}),
      "symbol": _only({s.instrument.symbol for s in subscriptions}),
      "market_type": market_type,
      "state": state,
      "reason": reason,
    }
    for (state, reason, market_type), subscriptions in concerned.items()
  ]


def public(row: Mapping[str, str | None]) -> dict[str, str | None]:
  """A row without its reason, which may name hosts, for those who show no credentials."""
  return {key: value for key, value in row.items() if key != "reason"}


def _only(values: set[str]) -> str:
  return next(iter(values)) if len(values) == 1 else "*"
