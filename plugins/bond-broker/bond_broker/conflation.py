"""What a client that fell behind is spared: of a state only the latest matters."""

from collections.abc import Sequence
from typing import NamedTuple

from bond_broker.client import Client
from bond_broker.conflate import conflate
from bond_broker.filters import Filter
from bond_core import AnyEvent, Gap, Trade


class Chosen(NamedTuple):
  """An event that a client is to get, its number, and the filter that wants it."""

  number: int
  event: AnyEvent
  wish: Filter


class Thinned(NamedTuple):
  """What is left, how many states were spared, and how many events were dropped and declared."""

  left: Sequence[Chosen]
  conflated: int = 0
  dropped: int = 0


def thin(client: Client, chosen: Sequence[Chosen]) -> Thinned:
  """What is left when the client's policies are applied to what it is behind with, in order.

  auto: of tickers, funding, open interest and unfinished candles the latest of each instrument.
  conflate: the same, and of trades too; the dropped ones are declared by a Gap (reason slow).
  lossless: everything.
  """
  policies = {s.filter: s.policy for s in reversed(client.subscriptions)}
  if all(policy == "lossless" for policy in policies.values()):
    return Thinned(chosen)
  behind = [one for one in chosen if policies.get(one.wish, "auto") != "lossless"]
  kept, away = conflate([one.event for one in behind])
  dropped: list[Chosen] = []
  if "conflate" in policies.values():
    trades = [one for one in behind if policies.get(one.wish) == "conflate"]
    dropped = _superseded(trades)
  if not away and not dropped:
    return Thinned(chosen)
  gone = {one.number for one in dropped}
  wishes = {one.number: one.wish for one in chosen}
  by_number = {_number(event): event for event in kept}
  spared = {one.number for one in behind if one.number not in by_number} | gone
  gaps = _gaps(dropped)
  left: list[Chosen] = []
  for one in chosen:
    if one.number in gaps:
      left.append(Chosen(one.number, gaps[one.number], one.wish))
    if one.number not in spared:
      left.append(Chosen(one.number, by_number.get(one.number, one.event), wishes[one.number]))
  return Thinned(left, away, len(dropped))


def _number(event: AnyEvent) -> int:
  return event.seq_internal or 0  # type: ignore[union-attr]


def _superseded(chosen: Sequence[Chosen]) -> list[Chosen]:
  """The trades that a later one of the same instrument follows."""
  latest: dict[tuple[object, ...], int] = {}
  for one in chosen:
    if type(one.event) is Trade:
      latest[_instrument(one.event)] = one.number
  return [
    one
    for one in chosen
    if type(one.event) is Trade and latest[_instrument(one.event)] != one.number
  ]


def _instrument(event: Trade) -> tuple[object, ...]:
  return (event.exchange, event.market_type, event.symbol, event.expiry)


def _gaps(dropped: Sequence[Chosen]) -> dict[int, Gap]:
  """A gap for each instrument, by the number of its first dropped trade, whose place it takes."""
  found: dict[tuple[object, ...], list[Chosen]] = {}
  for one in dropped:
    if type(one.event) is Trade:
      found.setdefault(_instrument(one.event), []).append(one)
  return {
    parts[0].number: Gap(
      exchange=event.exchange,
      symbol=event.symbol,
      market_type=event.market_type,
      expiry=event.expiry,
      channel="trades",
      reason="slow",
      from_seq=parts[0].number,
      to_seq=parts[-1].number,
      ts_event=event.ts_event,
      missed=len(parts),
      cause="this client reads more slowly than trades come, and asked for the latest only",
    )
    for parts in found.values()
    if isinstance(event := parts[0].event, Trade)
  }
