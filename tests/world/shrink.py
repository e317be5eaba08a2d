"""Makes the plan of a failed world smaller, as long as it still fails."""

from collections.abc import Iterator

import attrs

from tests.world.plan import ClientPlan, Plan
from tests.world.trial import Outcome, trial

MOST_TRIALS = 150


def shrunk(outcome: Outcome) -> Outcome:
  """The smallest failure that was found by leaving things out, one after another."""
  trials = 0
  again = True
  while again:
    again = False
    for plan in _smaller(outcome.plan):
      trials += 1
      if trials > MOST_TRIALS:
        return outcome
      found = trial(plan)
      if found.failure is not None:
        outcome, again = found, True
        break
  return outcome


def _simpler(client: ClientPlan) -> Iterator[ClientPlan]:
  plain = {"stalls": (), "pauses": (), "token": None, "leaves": None}
  for name, value in plain.items():
    if getattr(client, name) != value:
      yield attrs.evolve(client, **{name: value})
  if len(client.channels) > 1:
    for channel in client.channels:
      yield attrs.evolve(client, channels=(channel,))


def _smaller(plan: Plan) -> Iterator[Plan]:
  for name in ("faults", "clients", "streams"):
    items = getattr(plan, name)
    if len(items) > 3:
      half = len(items) // 2
      yield attrs.evolve(plan, **{name: items[:half]})
      yield attrs.evolve(plan, **{name: items[half:]})
    for place in range(len(items)):
      yield attrs.evolve(plan, **{name: items[:place] + items[place + 1 :]})
  for place, client in enumerate(plan.clients):
    for simpler in _simpler(client):
      yield attrs.evolve(plan, clients=(*plan.clients[:place], simpler, *plan.clients[place + 1 :]))
  for place, venue in enumerate(plan.venues):
    if len(plan.venues) > 1:
      others = plan.venues[:place] + plan.venues[place + 1 :]
      streams = tuple(stream for stream in plan.streams if stream.venue != venue.name)
      yield attrs.evolve(plan, venues=others, streams=streams)
    for gone in range(len(venue.episodes)):
      calmer = attrs.evolve(venue, episodes=venue.episodes[:gone] + venue.episodes[gone + 1 :])
      yield attrs.evolve(plan, venues=(*plan.venues[:place], calmer, *plan.venues[place + 1 :]))
  if plan.hush:
    yield attrs.evolve(plan, hush=False)
  last = max((fault.at + fault.seconds for fault in plan.faults), default=0.0)
  for seconds in (plan.seconds / 2, max(1.0, last + 0.1)):
    if 1.0 <= seconds < plan.seconds - 0.5:
      yield attrs.evolve(plan, seconds=seconds)
