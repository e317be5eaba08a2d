"""Starts the simulated venues that a spec needs, and points its sources at them."""

import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import trio

from bond_core.errors import BondError, PluginError
from bond_core.spec import Spec

logger = logging.getLogger("bond")

START_WITHIN = 20.0


@asynccontextmanager
async def simulated(specs: Sequence[Spec]) -> AsyncIterator[tuple[list[Spec], dict[str, str]]]:
  """The specs with each source pointed at a simulator that runs for as long as the block, and the
  simulators' URLs by venue.

  Each simulator is a process of its own, as a venue is, and ends with this one. Raises PluginError
  for a source that no simulator stands in for, so that nothing goes to a real venue unnoticed.
  """
  nodes = [(key, source) for spec in specs for key, source in spec.sources.items()]
  for key, source in nodes:
    if source.spec.simulator is None and not source.spec.replay and source.spec.feed is not None:
      raise PluginError(f"sources.{key}: {source.use} has no simulator; run without --sim")
  venues = {source.spec.simulator for _, source in nodes if source.spec.simulator is not None}
  async with AsyncExitStack() as stack:
    urls = {venue: await stack.enter_async_context(_process(venue)) for venue in sorted(venues)}
    for venue, url in urls.items():
      logger.warning("simulated: %s is bond sim %s at %s", venue, venue, url)
    yield [_pointed_at(spec, urls) for spec in specs], urls


def _pointed_at(spec: Spec, urls: dict[str, str]) -> Spec:
  sources = {
    key: attrs.evolve(
      source, config=attrs.evolve(source.config, endpoint=urls[source.spec.simulator])
    )
    if source.spec.simulator is not None
    else source
    for key, source in spec.sources.items()
  }
  return attrs.evolve(spec, sources=sources)


@asynccontextmanager
async def _process(venue: str) -> AsyncIterator[str]:
  process = await trio.lowlevel.open_process(
    [sys.executable, "-m", "bond_core", "sim", venue, "--port", "0", "--json", "--until-eof"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    # Ctrl-C is for this process, which ends the simulator when it needs it no more.
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
