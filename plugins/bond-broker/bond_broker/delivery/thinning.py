"""Thinning for a client that fell behind: of a state only the latest matters."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bond_broker.delivery.conflate import conflate
from bond_broker.protocol.filters import Filter
from bond_broker.protocol.requests import Policy
from bond_core import AnyEvent, Gap, Trade


class Match(NamedTuple):
  """An event that a client is to receive, its number, and the filter that it matches."""

  number: int
  event: AnyEvent
  matched: Filter


class Thinned(NamedTuple):
  """What is left, how many states were conflated, and how many events were dropped and declared."""

  left: Sequence[Match]
  conflated: int = 0
  dropped: int = 0


def thin(policies: Mapping[Filter, Policy], chosen: Sequence[Match]) -> Thinned:
  """What is left of what a client is behind with, in order, under the policies of its filters.

  auto: of tickers, funding, open interest and unfinished candles the latest of each instrument.
  conflate: the same, and of trades too; a Gap (reason slow) declares the dropped ones.
  lossless: everything.
  """
  if all(policy == "lossless" for policy in policies.values()):
    return Thinned(chosen)
  behind = [match for match in chosen if policies.get(match.matched, "auto") != "lossless"]
  latest, conflated = conflate([match.event for match in behind])
  dropped: list[Match] = []
  if "conflate" in policies.values():
    dropped = _superseded([m for m in behind if policies.get(m.matched) == "conflate"])
  if not conflated and not dropped:
    return Thinned(chosen)
  by_number = {_number(event): event for event in latest}
  left_out = {match.number for match in behind if match.number not in by_number}
  left_out |= {match.number for match in dropped}
  gaps = _gaps(dropped)
  left: list[Match] = []
  for match in chosen:
    number = match.number
    if number in gaps:
      left.append(match._replace(event=gaps[number]))
    if number not in left_out:
      left.append(match._replace(event=by_number.get(number, match.event)))
  return Thinned(left, conflated, len(dropped))


def _number(event: AnyEvent) -> int:
  return event.seq_internal or 0  # type: ignore[union-attr]


def _superseded(chosen: Sequence[Match]) -> list[Match]:
  """The trades that a later one of the same instrument follows."""
  latest: dict[tuple[object, ...], int] = {}
  for match in chosen:
    if type(match.event) is Trade:
      latest[_instrument(match.event)] = match.number
  return [
    match
    for match in chosen
    if type(match.event) is Trade and latest[_instrument(match.event)] != match.number
  ]


def _instrument(event: Trade) -> tuple[object, ...]:
  return (event.exchange, event.market_type, event.symbol, event.expiry)


def _gaps(dropped: Sequence[Match]) -> dict[int, Gap]:
  """A gap for each instrument, by the number of its first dropped trade, whose place it takes."""
  found: dict[tuple[object, ...], list[Match]] = {}
  for match in dropped:
    if type(match.event) is Trade:
      found.setdefault(_instrument(match.event), []).append(match)
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
      cause="this client reads more slowly than trades come, and its policy is conflate",
    )
    for parts in found.values()
    if isinstance(event := parts[0].event, Trade)
  }
