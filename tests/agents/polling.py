"""A client that polls a server whose venue is hostile and whose clock is set, and a witness who
knows from the log itself what each answer may say."""

import json
import logging
import random
import time
from collections.abc import Hashable
from functools import partial
from unittest.mock import patch

import attrs
import trio
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.traffic import Traffic
from bond_server.access.access import ServerAccess, SignedTokens, context_of
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.access.generations import MemoryGenerations
from bond_server.access.tokens import Keyring
from bond_server.answers import QuestionRefused
from bond_server.runtime import open_server
from bond_server.streams import LogKeeping
from bond_server.testing import SECRET
from bond_simkit import Hostility, between, draw_episodes

from bond_core import Batch, Gap, Principal, SystemClock, load_spec
from bond_core._logs.memory import MemoryLog
from bond_core.testing._components import REGISTRY
from tests.chaos import world
from tests.chaos.venues import CHAOS, VENUES

CALLER = Principal("key:agent")
LIVE_SECONDS = 5.0
SLACK = 0.25
"""Seconds between the receipt of a message and its place in the log."""
QUIET_END = 40.0


@attrs.define
class Polled:
  """What came of a run: how many answers there were of each state, and what was wrong with one."""

  states: dict[str, int] = attrs.field(factory=dict)
  fresh: int = 0
  gaps: int = 0
  wrong: list[str] = attrs.field(factory=list)


class _Witness:
  """Sees what goes into the log, with the time of the run, which nobody sets."""

  def __init__(self, log: MemoryLog) -> None:
    self.at: dict[int, float] = {}
    self.events: dict[int, object] = {}
    self.gaps: list[Gap] = []
    self._append = log.append
    log.append = self.append  # type: ignore[method-assign]

  def append(self, batch: Batch, source: Hashable = None, first: int | None = None) -> int:
    number = self._append(batch, source, first)
    for at, event in enumerate(batch, number):
      self.at[at] = trio.current_time()
      self.events[at] = event
      if isinstance(event, Gap):
        self.gaps.append(event)
    return number

  def lost_after(self, number: int, channel: str) -> bool:
    """Whether a loss was declared after an event of this number that may concern it."""
    event = self.events[number]
    return any(
      (gap.seq_internal or 0) > number
      and not gap.backfilled
      and gap.channel in ("*", channel)
      and gap.symbol in ("*", event.symbol)  # type: ignore[attr-defined]
      for gap in self.gaps
    )


def poll(venue: str, seed: int, *, clock_jumps: bool = True) -> Polled:
  """Polls a server through one plan of faults, and judges each answer."""
  found = Polled()
  rng = random.Random(f"agents {venue} {seed}")
  logger = logging.getLogger("bond")
  before = logger.level
  # What is logged of the faults is not what is looked at.
  logger.setLevel(logging.CRITICAL)
  try:
    world.run(f"agents {venue} {seed}", partial(_run, venue, seed, rng, found, clock_jumps))
  finally:
    logger.setLevel(before)
  return found


async def _run(name: str, seed: int, rng: random.Random, found: Polled, jumps: bool) -> None:
  venue = VENUES[name]
  episodes = draw_episodes(rng, venue.kinds, until=CHAOS)
  hostility = Hostility(episodes, random.Random(f"{seed} strikes"), lambda kind, what: None)
  tokens = SignedTokens(SystemClock(), Keyring(SECRET), MemoryGenerations())
  access = ServerAccess(tokens, make_chain(DEFAULT, REGISTRY, context_of(tokens)))
  kept = REGISTRY.log("core.memory")
  offset = [0]
  real = time.time_ns
  with patch.object(time, "time_ns", lambda: real() + offset[0] * 10**6):
    async with trio.open_nursery() as nursery:
      between.set(hostility.site)
      config = venue.simulator(seed, SystemClock().now_ms())
      url = await nursery.start(partial(venue.serve, config))
      await nursery.start(hostility.run)
      text = {
        "name": "base",
        "sources": {
          channel: {"use": f"{name}.{channel}", "with": {"symbols": ["ETH/USDT"], "endpoint": url}}
          for channel in ("ticker", "orderbook")
        },
      }
      spec = load_spec(json.dumps(text), registry=REGISTRY)
      async with open_server(
        keeping=LogKeeping(kept, kept.config()),
        registry=REGISTRY,
        access=access,
        folder=None,
        specs=[spec],
      ) as server:
        witness = _Witness(server.log.ring)
        router = MarketRouter(Traffic())
        server.market = router
        nursery.start_soon(Pump(server.log, router, nursery, server.clock.now_ms).run)
        while trio.current_time() < QUIET_END:
          await _ask(server, witness, venue.exchange, found)
          await trio.sleep(rng.uniform(0.05, 1.5))
          if jumps and rng.random() < 0.1:
            offset[0] += rng.choice((-3_600_000, 3_600_000, -20_000, 20_000))
        found.gaps = len(witness.gaps)
      nursery.cancel_scope.cancel()


async def _ask(server, witness: _Witness, exchange: str, found: Polled) -> None:  # type: ignore[no-untyped-def]
  for key, channel, ask in (
    ("quotes", "ticker", partial(server.answers.quote, CALLER, "BTC/USDT", exchange)),
    ("books", "orderbook", partial(server.answers.book, CALLER, "BTC/USDT", exchange, depth=1)),
  ):
    try:
      answer = await ask()
    except QuestionRefused as exc:
      # A hostile venue may say that there is no such market; that is no claim about a price.
      found.states["refused"] = found.states.get("refused", 0) + 1
      assert exc.status in (404, 429), exc
      continue
    for row in answer[key]:
      _judge(answer, row, channel, witness, found)


def _judge(answer, row, channel: str, witness: _Witness, found: Polled) -> None:  # type: ignore[no-untyped-def]
  state = row["state"]
  found.states[state] = found.states.get(state, 0) + 1
  found.fresh += answer["fresh"]
  said = (
    f"{channel} {state} age {row['age_ms']} fresh {answer['fresh']} at {trio.current_time():.2f}"
  )
  if row["age_ms"] is None:
    if state != "stale" or answer["fresh"]:
      found.wrong.append(f"nothing is there, and it says {said}")
    return
  number = row["seq"]
  age = trio.current_time() - witness.at[number]
  if abs(row["age_ms"] / 1000 - age) > SLACK:
    found.wrong.append(f"it is {age:.2f} s old: {said}")
  if (answer["fresh"] or state == "live") and age > LIVE_SECONDS + SLACK:
    found.wrong.append(f"older than its rhythm ({age:.2f} s): {said}")
  if state != "stale" and witness.lost_after(number, channel):
    found.wrong.append(f"a loss was declared since: {said}")
  if not answer["fresh"] and "note" not in answer:
    found.wrong.append(f"no word about it: {said}")
  event = witness.events[number]
  if channel == "ticker" and "bid" in row and getattr(event, "bid", None) is not None:
    same = (row["bid"], row["ask"]) == (event.bid, event.ask)  # type: ignore[attr-defined]
    if not same:
      found.wrong.append(f"another price than the event of its number: {said}")
