"""The `bond` command. Commands are imported when they are called, so that --help is instant."""

import importlib
from importlib.metadata import EntryPoint, entry_points

import click

from bond_core._suggest import did_you_mean

BUILT_IN: dict[str, tuple[str, str]] = {
  "run": ("bond_core._cli.run:run_command", "Run a spec: live events until Ctrl-C."),
  "check": ("bond_core._cli.check:check_command", "Check a spec and show every problem at once."),
  "plan": ("bond_core._cli.plan:plan_command", "Say what a spec would cost each venue."),
  "plugins": ("bond_core._cli.plugins:plugins_command", "List installed plugins."),
  "sim": ("bond_core._cli.sim:sim_command", "Run a simulated venue."),
  "new": ("bond_core._cli.new:new_command", "Write a plugin to start from, with its tests."),
}
GROUP = "bond.commands"


class Commands(click.Group):
  """The core's commands, and those that plugins name in the entry-point group bond.commands."""

  def list_commands(self, ctx: click.Context) -> list[str]:
    return [*BUILT_IN, *sorted(point.name for point in entry_points(group=GROUP))]

  def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
    if cmd_name in BUILT_IN:
      module, _, attribute = BUILT_IN[cmd_name][0].partition(":")
      command: click.Command = getattr(importlib.import_module(module), attribute)
      return command
    for point in entry_points(group=GROUP):
      if point.name == cmd_name:
        return _of_plugin(point)
    return None

  def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    from bond_core._plugins.known import known_packages

    known = known_packages()
    rows = [(name, summary) for name, (_, summary) in BUILT_IN.items()]
    for point in sorted(entry_points(group=GROUP)):
      package = point.dist.name if point.dist else point.value
      # What the plugin itself says would have to be imported for.
      summary = known.get(package, {}).get("commands", {}).get(point.name, f"Comes with {package}.")
      rows.append((point.name, summary))
    with formatter.section("Commands"):
      formatter.write_dl(rows)

  def resolve_command(
    self, ctx: click.Context, args: list[str]
  ) -> tuple[str | None, click.Command | None, list[str]]:
    known = self.list_commands(ctx)
    if args and args[0] not in known and not args[0].startswith("-"):
      from bond_core._plugins.known import package_for

      package = package_for("commands", args[0])
      there = f"; there are {', '.join(known)}"
      hint = f"; pip install {package}" if package else did_you_mean(args[0], known, there)
      raise click.UsageError(f"no command {args[0]!r}{hint}", ctx)
    return super().resolve_command(ctx, args)


def _of_plugin(point: EntryPoint) -> click.Command:
  from bond_core._errors import PluginError
  from bond_core._plugins.registry import Registry
  from bond_core._types.program import CommandType

  try:
    for command in Registry().of_entry_point(point).of(CommandType):
      if command.name == point.name:
        return command.load()
  except PluginError as exc:
    raise click.ClickException(str(exc)) from exc
  raise click.ClickException(
    f"{point.value} names the command {point.name!r} but does not offer it"
  )


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
