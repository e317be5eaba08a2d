"""bond sim"""

import json
import os
import sys
from typing import Any

import attrs
import click
import trio
from bond_commandkit import FAILED, fail, set_up_logging
from bond_commandkit.signals import on_signals

from bond_core import BondError, PluginError, Registry, SimulatorType, leaves

PORTS = click.IntRange(0, 65535)


class SimulatorCommands(click.Group):
  """A command for each simulated venue."""

  def list_commands(self, ctx: click.Context) -> list[str]:
    return sorted(simulator.name for simulator in Registry().all(SimulatorType))

  def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
    try:
      return _command(Registry().simulator(cmd_name))
    except PluginError as exc:
      raise click.UsageError(str(exc), ctx) from exc


@click.command(name="sim", cls=SimulatorCommands)
def sim_command() -> None:
  """Run a simulated venue: a real server that speaks the venue's protocol.

  \b
  bond sim binance
  bond sim binance --capture spot.gz --speed 50 --fault drop@5s
  """


def _command(simulator: SimulatorType) -> click.Command:
  known = {field.name: field.default for field in attrs.fields(simulator.config)}
  # Each venue has a port of its own, so that several can run side by side.
  port = known.get("port", 0)
  options = {
    "host": click.Option(["--host"], default="127.0.0.1", show_default=True, help="Address."),
    "port": click.Option(["--port"], type=PORTS, default=port, show_default=True, help="0 = any."),
    "capture": click.Option(
      ["--capture"], multiple=True, metavar="FILE", help="Play recorded frames; repeatable."
    ),
    "speed": click.Option(
      ["--speed"], type=float, default=1.0, show_default=True, help="Pace; 0 = no pause."
    ),
    "settle": click.Option(
      ["--settle"],
      type=float,
      default=known.get("settle", 0.0),
      show_default=True,
      help="Seconds without a new subscription before frames play.",
    ),
    "seed": click.Option(
      ["--seed"], type=int, default=known.get("seed", 0), show_default=True, help="The market's."
    ),
    "markets": click.Option(
      ["--markets"], type=int, default=0, show_default=True, help="Quiet spot markets more."
    ),
    "ahead": click.Option(
      ["--ahead"],
      type=float,
      default=0.0,
      show_default=True,
      metavar="SECONDS",
      help="How far its clock is ahead; below 0: behind.",
    ),
    "faults": click.Option(
      ["--fault", "faults"], multiple=True, metavar="FAULT", help="See above; repeatable."
    ),
  }
  faults = "\n\n\b\nFaults:\n" + "\n".join(f"  {name:24} {what}" for name, what in simulator.faults)
  return click.Command(
    simulator.name,
    callback=lambda **given: _serve(simulator, **given),
    params=[
      *(option for name, option in options.items() if name in known),
      click.Option(["--json", "as_json"], is_flag=True, help="Say the address as JSON."),
      click.Option(["--until-eof"], is_flag=True, hidden=True),
      click.Option(["-v", "--verbose"], count=True, help="Say what happens."),
    ],
    help=simulator.summary + (faults if simulator.faults else ""),
    short_help=simulator.summary,
  )


def _serve(
  simulator: SimulatorType, *, as_json: bool, until_eof: bool, verbose: int, **given: Any
) -> None:
  set_up_logging(verbose, quiet=False)
  try:
    config = simulator.config(**given)
  except ValueError as exc:
    fail(str(exc))
  try:
    trio.run(_until_stopped, simulator, config, as_json, until_eof)
  except* ValueError as group:
    # A recording or a fault that is not valid.
    fail("\n".join(f"bond sim {simulator.name}: {exc}" for exc in leaves(group)))
  except* BondError as group:
    fail("\n".join(f"bond sim {simulator.name}: {exc}" for exc in leaves(group)), FAILED)


async def _until_stopped(
  simulator: SimulatorType, config: object, as_json: bool, until_eof: bool
) -> None:
  async with trio.open_nursery() as nursery:
    await nursery.start(on_signals, nursery.cancel_scope.cancel)
    url = await nursery.start(simulator.serve, config)
    if as_json:
      click.echo(json.dumps({"venue": simulator.name, "endpoint": url}))
    else:
      click.echo(
        f"{simulator.name} is simulated at {url}; a source reaches it with endpoint: {url}"
      )
    sys.stdout.flush()
    if until_eof:
      await trio.to_thread.run_sync(_read_to_the_end, sys.stdin.fileno(), abandon_on_cancel=True)
      nursery.cancel_scope.cancel()


def _read_to_the_end(file: int) -> None:
  # Past the buffer of sys.stdin: a thread that is left waiting there would hold its lock, and the
  # interpreter cannot end without that.
  while os.read(file, 4096):
    continue
