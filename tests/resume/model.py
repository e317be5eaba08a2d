"""A small log, two servers and one client, as values: every state, and all that can happen in it.

Where a log goes on, whether a reader can, and each place of the client are computed by the code
itself (`decisions`). What is written here is the rest: what an engine keeps and refuses, and in
which order things can happen.

A server gives numbers and hands them to the engine later (`keep`), or follows what the engine has.
It can be killed or stopped between any two steps, start again, and be cut off from the engine for
any time: that is a `keep` that does not happen. An engine that is shared takes the newest writer's
events and refuses the others; it can lose all it has. The client subscribes, is sent one event
after another, is cut off, and comes back to any server.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.resume import decisions

# Numbers that a log leaves out after a kill: bond_core._logs.durable.SHARED_MARGIN, and small, so
# that there is room in a small log to give more than that.
MARGIN = 2

Events = tuple[tuple[int, int], ...]
"""Numbers and what they stand for, in order."""


class Bounds(NamedTuple):
  """How often each thing may happen in one history."""

  events: int = 3
  starts: int = 2
  kills: int = 1
  stops: int = 1
  cuts: int = 2
  evictions: int = 1
  losses: int = 0


class Stored(NamedTuple):
  """What an engine has."""

  epoch: int = 0
  """0: nothing."""
  writer: int = 0
  events: Events = ()
  finished: bool = False

  @property
  def head(self) -> int:
    return self.events[-1][0] if self.events else 0


class Server(NamedTuple):
  """A running server. `ring` is what it has in memory, `kept` what the engine has acknowledged."""

  writer: int
  """Which of all starts it is."""
  follows: bool
  epoch: int
  head: int
  ring: Events
  kept: int
  broken_at: int
  fresh: bool
  """Nothing is stored under its epoch yet."""
  opening: bool = False
  """It has the log, and is not there for readers yet."""
  claimed: bool = False
  barred: bool = False

  @property
  def oldest(self) -> int:
    return self.ring[0][0] if self.ring else self.head + 1


class Client(NamedTuple):
  """What one reader knows: its place, and what it has."""

  place: tuple[int, int] | None = None
  """Epoch and number, as kk0 keeps them."""
  server: int | None = None
  """Whose connection it has, by number of start."""
  position: int = 0
  """What that server sends next."""
  began: tuple[tuple[int, int], ...] = ()
  """Of each epoch, after which number the account begins: what comes later is had or declared."""
  got: frozenset[tuple[int, int, int]] = frozenset()
  """Epoch as the client knows it, number, and what it stood for."""
  declared: frozenset[tuple[int, int]] = frozenset()
  """Epoch and number of what it was told that it may lack."""
  twice: tuple[int, int] | None = None
  """What it was sent again without having been told that it may lack something."""


class World(NamedTuple):
  """One state."""

  left: Bounds
  stored: Stored = Stored()
  servers: tuple[Server, ...] = ()
  client: Client = Client()
  given: frozenset[tuple[int, int, int]] = frozenset()
  """Epoch, number and meaning of every event that a server has given a number."""
  epochs: int = 0
  """How many there were."""
  starts: int = 0


class Rules(NamedTuple):
  """What is being tried: as Bond does it, or with a rule left out."""

  shared: bool = True
  """Two servers may have the engine at once; else one after the other."""
  followers: bool = False
  closes: bool = True
  """A server whose epoch changes sends its readers away."""
  fences: bool = True
  """A server of a shared engine gives no more numbers of an epoch than a successor leaves out."""
  claims: bool = True
  """The engine refuses all others from the moment on at which a server begins with what it has."""
  writes_first: bool = True
  """Nobody knows of a number of a log that goes on before the engine has taken its first event."""
  jumps: bool = True
  """After a kill a log goes on beyond all numbers that can have been given."""
  asks: bool = True
  """`recovered` is what the log says; else always true."""


Step = tuple[str, World]


def steps(world: World, rules: Rules) -> Iterator[Step]:
  """All that can happen next."""
  yield from _starts(world, rules)
  for server in world.servers:
    yield from _server_steps(world, server, rules)
  yield from _client_steps(world, rules)
  left = world.left
  if left.losses and world.stored.epoch and rules.shared:
    lost = world._replace(stored=Stored(), left=left._replace(losses=left.losses - 1))
    yield "the engine loses everything", lost


# Servers -----------------------------------------------------------------------------------------


def _starts(world: World, rules: Rules) -> Iterator[Step]:
  left = world.left
  if not left.starts or (world.servers and not rules.shared) or len(world.servers) == 2:
    return
  world = world._replace(left=left._replace(starts=left.starts - 1), starts=world.starts + 1)
  stored, writer = world.stored, world.starts
  if rules.followers and stored.epoch and world.servers:
    ring = stored.events
    begins = stored.events[0][0] if ring else 1
    follower = Server(
      writer, True, stored.epoch, stored.head, ring, stored.head, begins, fresh=False
    )
    yield f"server {writer} follows", _with(world, follower)
  fresh = not stored.events
  epoch = stored.epoch
  if fresh:
    world = world._replace(epochs=world.epochs + 1)
    epoch = world.epochs
  head = stored.head
  if rules.jumps:
    head = decisions.continued_after(stored.head, stored.finished, MARGIN)
  broken_at = head + 1 if head > stored.head else 1
  server = Server(writer, False, epoch, head, (), head, broken_at, fresh)
  if head and rules.writes_first:
    server = server._replace(opening=True)
  if rules.claims:
    stored = Stored(epoch, writer) if fresh else stored._replace(writer=writer, finished=False)
    world = world._replace(stored=stored)
    server = server._replace(claimed=True, fresh=False)
  world = _with(world, server)
  if head and not server.opening:
    # What was missed while no server ran is declared by an event.
    world = _give(world, server)
  yield f"server {writer} starts", world


def _with(world: World, server: Server) -> World:
  others = tuple(other for other in world.servers if other.writer != server.writer)
  return world._replace(servers=tuple(sorted((*others, server))))


def _without(world: World, server: Server) -> World:
  client = world.client
  if client.server == server.writer:
    client = client._replace(server=None, position=0)
  others = tuple(other for other in world.servers if other.writer != server.writer)
  return world._replace(servers=others, client=client)


def _give(world: World, server: Server) -> World:
  number, meaning = server.head + 1, len(world.given) + 1
  server = server._replace(head=number, ring=(*server.ring, (number, meaning)))
  given = world.given | {(server.epoch, number, meaning)}
  return _with(world, server)._replace(given=given)


def _server_steps(world: World, server: Server, rules: Rules) -> Iterator[Step]:
  left, name = world.left, f"server {server.writer}"
  if left.kills:
    yield (
      f"{name} is killed",
      _without(world, server)._replace(left=left._replace(kills=left.kills - 1)),
    )
  if len(server.ring) > 1 and left.evictions:
    yield (
      f"{name} drops its oldest event",
      _with(world, server._replace(ring=server.ring[1:]))._replace(
        left=left._replace(evictions=left.evictions - 1)
      ),
    )
  if server.follows:
    yield from _follow(world, server)
    return
  if server.opening:
    yield f"{name} writes its first event", _open(world, server, rules)
    return
  if left.events:
    giving, published = server, world._replace(left=left._replace(events=left.events - 1))
    if rules.fences and rules.shared and server.head - server.kept >= MARGIN:
      published, giving = _begin_epoch(published, server, rules)
    yield f"{name} publishes", _give(published, giving)
  if server.kept < server.head and not server.barred:
    yield f"{name} writes", _keep(world, server, rules)
  if left.stops:
    stopped = world
    if server.kept < server.head and not server.barred:
      stopped = _keep(world, server, rules)
      server = _of(stopped, server)
    stored = stopped.stored
    if server.claimed and stored.writer == server.writer and server.kept == server.head:
      stopped = stopped._replace(stored=stored._replace(finished=True))
    yield (
      f"{name} stops",
      _without(stopped, server)._replace(left=left._replace(stops=left.stops - 1)),
    )


def _open(world: World, server: Server, rules: Rules) -> World:
  """The engine takes the first event of a log that goes on, or another has taken the log over."""
  given = _give(world, server._replace(opening=False))
  kept = _keep(given, _of(given, server), rules)
  return _without(world, server) if _of(kept, server).fresh else kept


def _of(world: World, server: Server) -> Server:
  return next(one for one in world.servers if one.writer == server.writer)


def _follow(world: World, server: Server) -> Iterator[Step]:
  stored, name = world.stored, f"server {server.writer}"
  if stored.epoch != server.epoch:
    yield f"{name} ends: the log lost its continuity", _without(world, server)
  elif news := tuple(event for event in stored.events if event[0] > server.head):
    broken_at = server.broken_at
    position = server.head + 1
    for number, _ in news:
      broken_at = number if number > position else broken_at
      position = number + 1
    head = news[-1][0]
    yield (
      f"{name} reads what is new",
      _with(
        world,
        server._replace(ring=(*server.ring, *news), head=head, kept=head, broken_at=broken_at),
      ),
    )


def _keep(world: World, server: Server, rules: Rules) -> World:
  """Everything that the ring has goes to the engine, as the engine takes or refuses it."""
  stored = world.stored
  events = tuple(event for event in server.ring if event[0] > server.kept)
  if not server.claimed:
    if stored.epoch and stored.events:
      if server.fresh or stored.epoch != server.epoch or stored.head >= events[0][0]:
        return _bar(world, server, rules)
      stored = stored._replace(writer=server.writer, finished=False)
    elif server.fresh:
      stored = Stored(server.epoch, server.writer)
    else:
      return _lose(world, server, rules)
    server = server._replace(claimed=True, fresh=False)
  elif not stored.epoch:
    return _lose(world, server, rules)
  elif (stored.epoch, stored.writer) != (server.epoch, server.writer):
    return _bar(world, server, rules)
  broken_at = server.broken_at
  if events[0][0] > server.kept + 1:
    broken_at = events[0][0]
  stored = stored._replace(events=(*stored.events, *events), finished=False)
  server = server._replace(kept=events[-1][0], broken_at=broken_at)
  return _with(world, server)._replace(stored=stored)


def _bar(world: World, server: Server, rules: Rules) -> World:
  """Another writes: what it gives from here on has an epoch of its own."""
  world, server = _begin_epoch(world, server, rules)
  return _with(world, server._replace(barred=True))


def _lose(world: World, server: Server, rules: Rules) -> World:
  """The engine has nothing any more: a new epoch begins with what the ring holds."""
  world, server = _begin_epoch(world, server, rules)
  return _with(world, server)


def _begin_epoch(world: World, server: Server, rules: Rules) -> tuple[World, Server]:
  epoch = world.epochs + 1
  server = server._replace(
    epoch=epoch, kept=server.oldest - 1, broken_at=server.oldest, fresh=True, claimed=False
  )
  client = world.client
  if rules.closes and client.server == server.writer:
    client = client._replace(server=None, position=0)
  given = world.given | {(epoch, number, meaning) for number, meaning in server.ring}
  return _with(world, server)._replace(epochs=epoch, client=client, given=given), server


# The client --------------------------------------------------------------------------------------


def _client_steps(world: World, rules: Rules) -> Iterator[Step]:
  client = world.client
  if client.server is None:
    for server in world.servers:
      if server.opening:
        continue
      yield f"the client comes to server {server.writer}", _connect(world, server, rules)
    return
  server = next(one for one in world.servers if one.writer == client.server)
  if world.left.cuts:
    yield (
      "the client is cut off",
      world._replace(
        client=client._replace(server=None, position=0),
        left=world.left._replace(cuts=world.left.cuts - 1),
      ),
    )
  if client.position <= server.head and client.place is not None:
    yield f"server {server.writer} sends", _send(world, server)


def _readable(world: World, server: Server) -> Events:
  """What a server can read: its ring, and behind it what the engine has under its epoch."""
  stored = world.stored
  if stored.epoch != server.epoch or server.fresh or server.barred:
    return server.ring
  return (*(event for event in stored.events if event[0] < server.oldest), *server.ring)


def _connect(world: World, server: Server, rules: Rules) -> World:
  client, place = world.client, world.client.place
  if place is None:
    start, recovered = server.head + 1, None
  else:
    stored = world.stored
    same = stored.epoch == server.epoch and not server.fresh and not server.barred
    start, recovered = decisions.found(
      place,
      server.epoch,
      server.ring,
      server.kept,
      server.broken_at,
      server.head,
      stored.events if same else (),
    )
    if not rules.asks:
      recovered = True
  declared = client.declared
  if recovered is False:
    # All that there was until now may be missing.
    declared |= {(epoch, number) for epoch, number, _ in world.given}
  place = decisions.acknowledged(place, server.epoch, start - 1, recovered)
  began = client.began
  if recovered is not True:
    began = (*(part for part in began if part[0] != server.epoch), (server.epoch, start - 1))
  return world._replace(
    client=client._replace(
      place=place, server=server.writer, position=start, declared=declared, began=began
    )
  )


def _send(world: World, server: Server) -> World:
  """The next event, or the gap that stands for what the log does not have."""
  client = world.client
  if client.place is None:
    raise AssertionError("a client that is sent something has a place")
  epoch = client.place[0]
  after = [event for event in _readable(world, server) if event[0] >= client.position]
  if not after:
    return world._replace(client=client._replace(position=server.head + 1))
  number, meaning = after[0]
  again = any((epoch, number) == event[:2] for event in client.got)
  declared = client.declared | {(epoch, lost) for lost in range(client.position, number)}
  return world._replace(
    client=client._replace(
      twice=(epoch, number) if again and (epoch, number) not in client.declared else None,
      place=decisions.reached(client.place, number),
      position=number + 1,
      declared=declared,
      got=client.got | {(epoch, number, meaning)},
    )
  )
