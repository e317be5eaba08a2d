"""The `bond` command. Commands are imported when they are called, so that --help is instant."""

import difflib
import importlib
from importlib.metadata import entry_points
from typing import Any

import click

BUILT_IN: dict[str, tuple[str, str]] = {
  "run": ("bond_core.cli.run:run_command", "Run a spec: live events until Ctrl-C."),
  "serve": ("bond_core.cli.serve:serve_command", "Serve the market and streams to clients."),
  "listen": ("bond_core.cli.listen:listen_command", "Make a stream on a server and follow it."),
  "check": ("bond_core.cli.check:check_command", "Check a spec and show every problem at once."),
  "plan": ("bond_core.cli.plan:plan_command", "Say what a spec would cost each venue."),
  "plugins": ("bond_core.cli.plugins:plugins_command", "List installed plugins."),
  "token": ("bond_core.cli.token:token_command", "Make a token that reads a stream."),
  "sim": ("bond_core.cli.sim:sim_command", "Run a simulated venue."),
}


class Commands(click.Group):
  """The core's commands, and those that plugins name in the entry-point group bond.commands."""

  def list_commands(self, ctx: click.Context) -> list[str]:
    return [*BUILT_IN, *sorted(point.name for point in entry_points(group="bond.commands"))]

  def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
    if cmd_name in BUILT_IN:
      module, _, attribute = BUILT_IN[cmd_name][0].partition(":")
      command: click.Command = getattr(importlib.import_module(module), attribute)
      return command
    for point in entry_points(group="bond.commands"):
      if point.name == cmd_name:
        return _of_plugin(cmd_name, point)
    return None

  def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    rows = [(name, summary) for name, (_, summary) in BUILT_IN.items()]
    rows += sorted(
      (point.name, f"From {point.dist.name if point.dist else point.value}.")
      for point in entry_points(group="bond.commands")
    )
    with formatter.section("Commands"):
      formatter.write_dl(rows)

  def resolve_command(
    self, ctx: click.Context, args: list[str]
  ) -> tuple[str | None, click.Command | None, list[str]]:
    known = self.list_commands(ctx)
    if args and args[0] not in known and not args[0].startswith("-"):
      close = difflib.get_close_matches(args[0], known, 1)
      hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
      raise click.UsageError(f"no command {args[0]!r}{hint}", ctx)
    return super().resolve_command(ctx, args)


def _of_plugin(name: str, point: Any) -> click.Command:
  from bond_core.components import CommandSpec
  from bond_core.errors import PluginError
  from bond_core.registry import Registry

  registry = Registry()
  # A plugin that has more than commands is known by its own name.
  owner = next((p.name for p in entry_points(group="bond") if p.value == point.value), None)
  try:
    plugin = registry.add(name, point.load()) if owner is None else registry.plugin(owner)
    for spec in plugin.of(CommandSpec):
      if spec.name == name:
        command: click.Command = spec.load()
        return command
  except PluginError as exc:
    raise click.ClickException(str(exc)) from exc
  raise click.ClickException(f"{point.value} names the command {name!r} but does not offer it")


@click.command(
  cls=Commands,
  context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
  epilog="Try: bond run examples/btc-pulse.yaml --sim",
)
@click.version_option(package_name="bond-core", prog_name="bond")
def main() -> None:
  """Live market data: say what you want in a spec, get a live feed.

  Everything a spec can name comes from plugins: pip install bond-binance, and `use:
  binance.trades` works. `bond plugins` lists what is here.
  """
