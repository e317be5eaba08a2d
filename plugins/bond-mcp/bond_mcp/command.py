"""bond mcp"""

import os
import sys
from typing import TYPE_CHECKING

import click
import trio
from bond_commandkit import BAD_SPEC, FAILED, fail, read_spec, sentences, set_up_logging
from bond_commandkit.signals import on_signals

from bond_core import BondError, Registry, Spec

if TYPE_CHECKING:
  from bond_mcp.desk import LateDesk

ANSWER_WITHIN = 60.0
"""Seconds of a request to another server: the longest wait, and what it takes to say so."""


@click.command(name="mcp")
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--url", metavar="URL", help="Join the server whose control plane is there.")
@click.option("--key", envvar="BOND_API_KEY", metavar="KEY", help="A key or token of that server.")
@click.option("--sim", is_flag=True, envvar="BOND_SIM", help="Against simulated venues.")
@click.option("-v", "--verbose", count=True, help="Say what happens; twice for tracebacks.")
def mcp_command(
  specs: tuple[str, ...], url: str | None, key: str | None, sim: bool, verbose: int
) -> None:
  """Give an AI agent live markets, over standard input and output.

  A program that runs agents starts this as an MCP server. It has a server of its own inside, whose
  sources start when they are asked for; SPECs run from the start. With --url it joins a server
  that runs. docs/agents.md has configurations to copy.

  \b
  bond mcp
  bond mcp --sim
  bond mcp btc.yaml
  bond mcp --url http://127.0.0.1:8000
  """
  set_up_logging(verbose, quiet=not verbose)
  if url is not None and (specs or sim):
    fail("--url joins a server that runs; give the specs, or --sim, to that one")
  if url is not None and not url.startswith(("http://", "https://")):
    fail(f"--url {url!r} is no URL of a control plane; write one as in http://127.0.0.1:8000")
  checked = [read_spec(path) for path in specs]
  if sys.stdin.isatty():
    click.echo("bond mcp speaks JSON-RPC with the program that starts it; Ctrl-C ends it", err=True)
  try:
    trio.run(_run, checked, url, key, sim)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)
  except* ValueError as group:
    fail(str(group.exceptions[0]), BAD_SPEC)
  sys.stdout.flush()
  sys.stderr.flush()
  # A thread of the SDK may still wait for standard input, and would hold up the end.
  os._exit(0)


async def _run(specs: list[Spec], url: str | None, key: str | None, sim: bool) -> None:
  from bond_mcp.desk import LateDesk
  from bond_mcp.stdio import serve_stdio
  from bond_mcp.tools import TOOLS

  # One that runs inside is live.
  desk = LateDesk(TOOLS if url is None else None)
  async with trio.open_nursery() as nursery:
    await nursery.start(on_signals, nursery.cancel_scope.cancel)
    if url is None:
      nursery.start_soon(_answer_inside, desk, specs, sim)
    else:
      nursery.start_soon(_answer_remotely, desk, url, key)
    await serve_stdio(desk)
    nursery.cancel_scope.cancel()


async def _answer_inside(desk: "LateDesk", specs: list[Spec], sim: bool) -> None:
  from bond_server.access.chain import LOCAL

  from bond_mcp.desk import LocalDesk
  from bond_mcp.inside import server_inside

  async with server_inside(Registry(), specs, simulate=sim) as server:
    desk.open(LocalDesk(server.answers, LOCAL))
    await trio.sleep_forever()


async def _answer_remotely(desk: "LateDesk", url: str, key: str | None) -> None:
  import httpx

  from bond_mcp.remote import RemoteDesk

  headers = {} if key is None else {"Authorization": f"Bearer {key}"}
  async with httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_WITHIN) as http:
    desk.open(RemoteDesk(http))
    await trio.sleep_forever()
