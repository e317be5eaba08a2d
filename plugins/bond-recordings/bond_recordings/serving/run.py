"""Serves a replay on the services that are installed, as `bond serve` serves the present."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio
from bond_commandkit import FAILED, say
from bond_commandkit.last_resort import last_resort
from bond_commandkit.signals import on_signals
from bond_recordkit.reader import header_of
from bond_server.access.access import ServerAccess, context_of, signed_tokens
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.answers import AnswerLimits, open_answers

from bond_core import BondError, Registry, ServiceType
from bond_core.packages import packages_with
from bond_core.specs import structure
from bond_recordings.lines import Selection
from bond_recordings.serving.ledger import Ledger
from bond_recordings.serving.player import RecordingPlayer
from bond_recordings.serving.server import ReplayServer

STOP_WITHIN = 10.0
TOOLS = "mcp"
"""The service that answers agents on the control plane's port."""


def services_of(registry: Registry, ports: dict[str, int]) -> list[tuple[ServiceType, Any]]:
  """The services with their configurations. Raises BondError where none serves the streams."""
  found: list[tuple[ServiceType, Any]] = []
  for service in registry.all(ServiceType):
    names = {field.name for field in attrs.fields(service.config)}
    if service.name in ports and "port" in names:
      given = {"port": ports[service.name]}
    elif service.name == TOOLS and "api" in ports:
      given = {}
    else:
      continue
    config, faults = structure(given, service.config)
    if problems := [fault.message for fault in faults]:
      raise BondError("; ".join(problems))
    found.append((service, config))
  if not any(service.name == "broker" for service, _ in found):
    raise BondError(f"there is nothing to serve with; pip install {packages_with('service')}")
  return found


async def serve_replay(
  player: RecordingPlayer,
  services: list[tuple[ServiceType, Any]],
  registry: Registry,
  say: Callable[[str], None],
  *,
  task_status: trio.TaskStatus[ReplayServer] = trio.TASK_STATUS_IGNORED,
) -> None:
  """Serves until the server is stopping. Nothing of it outlasts the process."""
  tokens, _ = signed_tokens(None, loopback=True)
  access = ServerAccess(tokens, make_chain(DEFAULT, registry, context_of(tokens)))
  server = ReplayServer(player, access, registry)
  async with open_answers(server, AnswerLimits()) as answers, trio.open_nursery() as nursery:
    server.answers = answers
    async with trio.open_nursery() as serving:
      for service, config in services:
        addresses = await serving.start(service.serve, config, server)
        server.addresses[service.name] = addresses
        for address in addresses:
          say(f"{service.name}: {address}")
      if (stream := player.header.stream_id) and server.streams.get(stream) is not None:
        say(f"windows: /ws/{stream}")
      task_status.started(server)
      nursery.start_soon(player.run)
    nursery.cancel_scope.cancel()


async def serve_recording(
  paths: list[Path],
  wanted: Selection,
  ports: dict[str, int],
  speed: float,
  locked: bool,
  ledger: Path | None,
) -> None:
  """Serves a recording until Ctrl-C. Raises BondError where it cannot."""
  registry = Registry()
  services = services_of(registry, ports)
  written = None if ledger is None else Ledger(ledger, header_of(paths[-1]))
  try:
    player = RecordingPlayer(paths, wanted, speed=speed, locked=locked, ledger=written)
    async with trio.open_nursery() as nursery:
      serve = partial(serve_replay, player, services, registry, say)
      server = await nursery.start(serve)
      with last_resort(STOP_WITHIN, _leave):
        await nursery.start(on_signals, server.stopping.set)
        await server.stopping.wait()
        with trio.move_on_after(STOP_WITHIN):
          while len(nursery.child_tasks) > 1:
            await trio.sleep(0.05)
      nursery.cancel_scope.cancel()
  finally:
    if written is not None:
      written.close()


def _leave() -> None:
  say(f"not everything ended within {STOP_WITHIN:.0f} s")
  os._exit(FAILED)
