"""Starts the simulated venues that a spec needs, and points its sources at them."""

import json
import logging
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from bond_core._errors import BondError, PluginError, Refused
from bond_core._spec.model import SourceNode, Spec
from bond_core._types.source import SourceType

logger = logging.getLogger("bond")

START_WITHIN = 20.0


class Simulators:
  """Simulated venues, started when they are first needed; they end with `open_simulators`. `urls`
  are those that stand in for the venues of all sources, by venue.

  Each is a process of its own, as a venue is.
  """

  def __init__(self, nursery: trio.Nursery) -> None:
    self.urls: dict[str, str] = {}
    self._running: dict[str, str] = {}
    self._nursery = nursery
    self._starting: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)

  async def start(self, specs: Iterable[Spec]) -> None:
    """Returns when every source of the specs has its simulator. Raises PluginError for one that no
    simulator stands in for, so that nothing goes to a real venue unnoticed."""
    nodes = [(key, source) for spec in specs for key, source in spec.sources.items()]
    for key, source in nodes:
      # A source that is a coroutine may have nothing to do with a venue, unless it says so.
      of_venue = source.type.run is None or source.type.simulator is not None
      if source.type.simulated_by(source.config) is None and not source.type.replay and of_venue:
        exchange = source.type.exchange_of(source.config)
        of = "" if source.use.startswith(f"{exchange}.") else f" of {exchange}"
        raise PluginError(f"sources.{key}: {source.use}{of} has no simulator; run without --sim")
    for venue in sorted({v for _, s in nodes if (v := s.type.simulated_by(s.config)) is not None}):
      await self.run(venue)

  async def run(self, venue: str) -> None:
    """Has a simulator stand in for a venue. Raises BondError where it does not start."""
    self.urls[venue] = await self._url(venue)

  async def point(self, source_type: SourceType, config: Any) -> Any:
    """The configuration of a source, pointed at a simulator where its `mock` says so.
    Raises Refused where the simulator does not start: it will not the next time either."""
    venue = source_type.simulated_by(config)
    wants = source_type.mock is not None and source_type.mock(config)
    if venue is None or not wants or getattr(config, "endpoint", None) is not None:
      return config
    try:
      return attrs.evolve(config, endpoint=await self._url(venue))
    except BondError as exc:
      names = ", ".join(source_type.environment)
      other = f", or because the environment ({names}) names no real one" if names else ""
      raise Refused(
        f"{exc}; {source_type.name} is simulated because its configuration says so{other}"
      ) from exc

  def stand_in(self, source_type: SourceType, config: Any) -> bool:
    """Whether the events of a source come from a simulator: one that was started here, or one that
    the source's own configuration says."""
    if getattr(config, "endpoint", None) in self._running.values():
      return True
    return source_type.mock is not None and source_type.mock(config)

  async def _url(self, venue: str) -> str:
    async with self._starting[venue]:
      if venue not in self._running:
        self._running[venue] = url = await self._nursery.start(self._keep, venue)
        logger.warning("simulated: %s is bond sim %s at %s", venue, venue, url)
      return self._running[venue]

  async def _keep(self, venue: str, *, task_status: trio.TaskStatus[str]) -> None:
    async with simulator(venue) as url:
      task_status.started(url)
      await trio.sleep_forever()


@asynccontextmanager
async def open_simulators(specs: Iterable[Spec] = ()) -> AsyncIterator[Simulators]:
  """The simulators that these specs need, and others that will be needed, until the block ends."""
  async with trio.open_nursery() as nursery:
    simulators = Simulators(nursery)
    await simulators.start(specs)
    yield simulators
    nursery.cancel_scope.cancel()


def pointed(source: SourceNode, urls: Mapping[str, str]) -> Any:
  """The configuration of a source, pointed at the simulator of its venue if that is among `urls`.
  The spec itself stays as it is: its id must not depend on where a simulator listens."""
  url = urls.get(source.type.simulated_by(source.config) or "")
  return source.config if url is None else attrs.evolve(source.config, endpoint=url)


def log_name(name: str, *, simulated: bool) -> str:
  """The name under which a log is stored. That of a run against simulators is another, so that what
  they made never continues, or comes back in, a log of the venues."""
  return f"simulated:{name}" if simulated else name


@asynccontextmanager
async def simulator(venue: str) -> AsyncIterator[str]:
  """The simulator of a venue in a process of its own, until the block ends; yields its URL."""
  process = await trio.lowlevel.open_process(
    [sys.executable, "-m", "bond_core", "sim", venue, "--port", "0", "--json", "--until-eof"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    # Ctrl-C is for this process, which ends the simulator when it is no longer needed.
    start_new_session=True,
  )
  try:
    yield await _url(process, venue)
  finally:
    with trio.CancelScope(shield=True):
      if process.stdin is not None:
        # The simulator ends when its standard input does, also if this process is killed.
        await process.stdin.aclose()
      with trio.move_on_after(3):
        await process.wait()
      if process.returncode is None:
        process.kill()
        await process.wait()
      if process.stdout is not None:
        await process.stdout.aclose()


async def _url(process: trio.Process, venue: str) -> str:
  if process.stdout is None:
    raise BondError(f"the simulator of {venue} has no standard output")
  line = b""
  with trio.move_on_after(START_WITHIN):
    while b"\n" not in line:
      data = await process.stdout.receive_some()
      if not data:
        break
      line += data
  try:
    return str(json.loads(line)["endpoint"])
  except (ValueError, KeyError) as exc:
    raise BondError(
      f"the simulator of {venue} did not start; try `bond sim {venue}` to see why"
    ) from exc
