"""bond top"""

import json
import sys
import time

import click
import trio
from bond_commandkit import FAILED, DurationType, fail, sentences, set_up_logging
from bond_commandkit.live import live_picture
from bond_commandkit.signals import on_signals

from bond_core import AuthError, BondError, Disconnected
from bond_server.commands.calling import SERVER, NotThere, answer_of, key_option
from bond_server.commands.looks import Look, picture

WIDE = 1_000
"""The columns of what is no terminal: nothing is cut."""


@click.command(name="top")
@click.option(
  "--url",
  default=SERVER,
  show_default=True,
  envvar="BOND_SERVER",
  metavar="URL",
  help="The control plane of a server, or its broker.",
)
@key_option
@click.option(
  "--every", type=DurationType(), default="2s", show_default=True, help="How often it looks."
)
@click.option("--json", "as_json", is_flag=True, help="What the server answers, once, as JSON.")
def top_command(url: str, key: str | None, every: float, as_json: bool) -> None:
  """Watch a running server: its sources, its busiest streams, the streams that were made, and the
  clients that are furthest behind, until Ctrl-C.

  On a pipe or in a file it looks twice, a second apart for the rates, and ends. A server that goes
  away is said to be, and is looked for again. Exit code 1 where there is none at the start, or the
  key is not enough.

  \b
  bond top
  bond top --url https://bond.example.com --key "$KEY"
  bond top --json
  """
  set_up_logging(0, False)
  url = url.rstrip("/")
  try:
    if as_json:
      found = trio.run(look, url, key)
      click.echo(json.dumps({"url": url, **found.as_data()}, ensure_ascii=False))
    elif sys.stdout.isatty():
      trio.run(_watch, url, key, max(every, 0.2))
    else:
      trio.run(_print, url, key)
  except* BrokenPipeError:
    pass
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)


async def look(url: str, key: str | None) -> Look:
  """What a server says of itself now. Raises BondError where it does not."""
  at = time.monotonic()
  health = await answer_of(url, "/health", key)
  if "sources" not in health:
    raise Disconnected(f"{url} is no server of Bond")
  metrics = await answer_of(url, "/metrics", key)
  if "clients" in metrics:
    # The broker's own port.
    return Look(at=at, health=health, broker=metrics)
  try:
    broker = await answer_of(url, "/broker/metrics", key)
  except (AuthError, NotThere) as exc:
    # The caller's own streams are there all the same.
    return Look(at=at, health=health, made=metrics, unseen=str(exc))
  return Look(at=at, health=health, broker=broker, made=metrics)


async def _print(url: str, key: str | None) -> None:
  before = await look(url, key)
  await trio.sleep(1)
  now = await look(url, key)
  for line in picture(url, now, before, WIDE):
    click.echo(line.plain)


async def _watch(url: str, key: str | None, every: float) -> None:
  from rich.console import Console

  before, now = None, await look(url, key)
  console, problem = Console(), ""
  async with live_picture(console, alone=True) as show, trio.open_nursery() as nursery:
    await nursery.start(on_signals, nursery.cancel_scope.cancel)
    while True:
      width, height = console.size
      await show(picture(url, now, before, width, height - 1, problem))
      await trio.sleep(1 if before is None else every)
      try:
        before, now, problem = now, await look(url, key), ""
      except Disconnected as exc:
        problem = str(exc)
