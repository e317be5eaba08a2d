"""A client that follows the log alone: a slow one, a replay, one that comes back, one with TLS.

They are all the same: a position in the log, moved on as fast as the client's socket takes it.
"""

from typing import TYPE_CHECKING

import trio

from bond_broker.client import Client, Ending
from bond_broker.gaps import lost_gap
from bond_broker.groups import DEEP
from bond_broker.messages import CloseCode, gap_message, live_message
from bond_core.logs import EngineError, Record

if TYPE_CHECKING:
  from bond_broker.pump import Pump

# How many events are looked at in one go: enough that conflation pays.
LOOK_EVENTS = 1024


async def catch_up(pump: "Pump", client: Client) -> None:
  """Writes to one client alone until it is level with its group, or has ended."""
  client.writing = trio.CancelScope()
  with client.writing:
    while client.ending is None:
      if client.rest is not None:
        await _write(pump, client, client.rest)
      elif client.answers:
        client.rest = memoryview(b"".join(client.answers))
        client.answers.clear()
        client.answers_bytes = 0
      elif client.step != DEEP and client.group is not None:
        step = client.group.next_of(client)
        if step is not None:
          client.position = step.end
          client.sent += step.messages
          client.rest = memoryview(step.frames)
        elif not await _level(pump, client):
          return
      elif client.position < pump.position or client.boundary is not None:
        _hand(client, await _next(pump, client))
      elif client.shown < pump.position:
        states = pump.router.states(client)
        client.shown = pump.position
        _hand(client, states)
      elif not await _level(pump, client):
        return


async def _level(pump: "Pump", client: Client) -> bool:
  """A client has all that its group has. Whether it goes on to follow alone."""
  if not client.transport.patient:
    pump.rejoin(client)
    return False
  client.position = client.shown = pump.position
  if client.group is None:
    pump.step_along(client)
  if client.group is not None:
    client.step = client.group.steps
  client.wake = trio.Event()
  pump.wait_for_more(client)
  await client.wake.wait()
  return True


async def _write(pump: "Pump", client: Client, rest: memoryview) -> None:
  try:
    taken = await client.transport.send(rest)
  except OSError:
    pump.end(client, Ending(CloseCode.GONE, "the connection is gone"))
    return
  client.moved_at = trio.current_time()
  client.rest = rest[taken:] if taken < len(rest) else None


def _hand(client: Client, frames: list[bytes]) -> None:
  if frames:
    client.sent += len(frames)
    client.rest = memoryview(b"".join(frames))


async def _next(pump: "Pump", client: Client) -> list[bytes]:
  """What comes next for this client; moves its position."""
  asked, boundary = client.asked, client.boundary
  if boundary is not None and client.position >= boundary:
    await trio.lowlevel.checkpoint()
    return _become_live(pump, client)
  ring = pump.log.ring
  if boundary is None and client.position < ring.oldest:
    await trio.lowlevel.checkpoint()
    return _fell_off(pump, client, ring.oldest)
  if boundary is None and not client.staggered:
    if client.group is None:
      pump.step_along(client)
    if client.group is not None:
      client.group.align(client, pump.position)
      if client.step != DEEP:
        await trio.lowlevel.checkpoint()
        return []
  async with pump.looking:
    await pump.turn()
    return await _look(pump, client, asked, boundary)


async def _look(pump: "Pump", client: Client, asked: int, boundary: int | None) -> list[bytes]:
  ring = pump.log.ring
  until = pump.position if boundary is None else boundary
  if client.group is not None:
    until = client.group.align(client, until)
    if client.step != DEEP:
      return []
  try:
    records = await pump.log.records(client.position, LOOK_EVENTS)
  except EngineError as exc:
    records = ring.records(client.position, LOOK_EVENTS)
    if client.position < ring.oldest:
      return _lost(pump, client, ring.oldest, "expired", f"the log cannot be read: {exc}")
  if client.asked != asked or client.ending is not None:
    # It asked for something else meanwhile; the position may be another.
    return []
  reached = _first(records, until)
  if reached > client.position:
    return _lost(pump, client, reached, "expired", "the log does not have these events any more")
  frames, client.position = pump.router.select(client, records, until)
  return frames


def _first(records: list[Record], until: int) -> int:
  return min(records[0].first, until) if records else until


def _become_live(pump: "Pump", client: Client) -> list[bytes]:
  """The boundary between what was and what comes, for the subscriptions that have reached it."""
  frames: list[bytes] = []
  for subscription in client.subscriptions:
    if subscription.live_at is None or subscription.live_at > client.position:
      continue
    if subscription.filter.deltas and client.position < pump.position:
      # A book that the replay had no snapshot of is told as it is now, so it must be now.
      subscription.live_at = pump.position
      continue
    subscription.live_at = None
    frames.append(live_message(subscription.id, client.position - 1))
    frames += pump.router.joining(client, subscription)
  if client.boundary is None:
    client.books = None
    # The current views of all books, whenever they were shown to others.
    client.shown = 0
  return frames


def _fell_off(pump: "Pump", client: Client, oldest: int) -> list[bytes]:
  """A slow client lost what the ring gave up."""
  if any(subscription.policy == "lossless" for subscription in client.subscriptions):
    told = f"too slow: the log went on beyond {client.position}; come back with from"
    pump.end(client, Ending(CloseCode.SLOW, told))
    return []
  cause = "this client reads more slowly than events come"
  if client.group is not None and client.group.recent:
    # It goes on where it can follow its group: at the ring's end it would only fall off again.
    oldest = max(oldest, client.group.recent[0].start)
  frames = _lost(pump, client, oldest, "slow", cause)
  chained = [s for s in client.subscriptions if s.filter.deltas and s.start < pump.position]
  if chained and client.position == oldest < pump.position:
    # A broken chain of deltas starts anew from the book as it is now, and what lies before is lost
    # to these subscriptions too.
    gap = lost_gap(oldest, pump.position - 1, pump.now_ms(), "slow", cause)
    frames.append(gap_message(gap, [subscription.id for subscription in chained]))
    for subscription in chained:
      subscription.start = pump.position
      frames += pump.router.joining(client, subscription)
  return frames


def _lost(pump: "Pump", client: Client, to: int, reason: str, cause: str) -> list[bytes]:
  # Subscriptions that begin later have had these events, or never wanted them: one gap up to there,
  # the next from there.
  to = min([to, *(s.start for s in client.subscriptions if s.start > client.position)])
  gap = lost_gap(client.position, to - 1, pump.now_ms(), reason, cause)
  concerned = [s for s in client.subscriptions if s.start < to]
  ids = None if len(concerned) == len(client.subscriptions) else [s.id for s in concerned]
  client.lost += gap.missed or 0
  client.position = to
  for subscription in concerned:
    subscription.resumes = False
  return [gap_message(gap, ids)]
