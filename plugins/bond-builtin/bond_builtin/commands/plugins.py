"""bond plugins"""

import json

import click

from bond_core import Plugin, Registry
from bond_core.packages import kind_of


@click.command(name="plugins")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, one object a plugin.")
def plugins_command(as_json: bool) -> None:
  """List installed plugins and what a spec can use of each.

  A plugin that cannot be loaded is listed with the reason.
  """
  plugins = Registry().plugins()
  if as_json:
    click.echo(json.dumps([_as_dict(plugin) for plugin in plugins], indent=2))
    return
  for plugin in plugins:
    click.echo(f"{plugin.name} ({plugin.package} {plugin.version})".replace(" )", ")"))
    if plugin.error is not None:
      click.echo(f"  broken: {plugin.error}")
    for component in plugin.components:
      click.echo(f"  {kind_of(component):9} {component.name:22} {component.summary}")


def _as_dict(plugin: Plugin) -> dict[str, object]:
  return {
    "name": plugin.name,
    "package": plugin.package,
    "version": plugin.version,
    "error": plugin.error,
    "components": [
      {"kind": kind_of(c), "name": c.name, "summary": c.summary} for c in plugin.components
    ],
  }
