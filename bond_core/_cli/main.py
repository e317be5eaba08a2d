"""The `bond` command. Commands are imported when they are called, so that --help is instant."""

from importlib.metadata import EntryPoint, entry_points

import click

from bond_core._suggest import did_you_mean

GROUP = "bond.commands"


class Commands(click.Group):
  """The commands that plugins name in the entry-point group bond.commands."""

  def list_commands(self, ctx: click.Context) -> list[str]:
    return sorted(point.name for point in entry_points(group=GROUP))

  def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
    for point in entry_points(group=GROUP):
      if point.name == cmd_name:
        return _of_plugin(point)
    return None

  def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    from bond_core._plugins.known import known_packages

    known = known_packages()
    rows = []
    for point in sorted(entry_points(group=GROUP)):
      package = point.dist.name if point.dist else point.value
      # The plugin's own words would have to be imported.
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

  try:
    return Registry().command(point).load()
  except PluginError as exc:
    raise click.ClickException(str(exc)) from exc


@click.command(
  cls=Commands,
  context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
  epilog="Try: bond init",
)
@click.version_option(package_name="bond-core", prog_name="bond")
def main() -> None:
  """Live market data: say what you want in a spec, get a live feed.

  Everything a spec can name comes from plugins: pip install bond-binance, and `use:
  binance.trades` works. `bond plugins` lists what is here.
  """
