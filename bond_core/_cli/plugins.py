"""bond plugins"""

import json

import click

from bond_core._plugins.registry import HOOKS, Plugin, Registry


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
      word = HOOKS[type(component)][1]
      click.echo(f"  {word:9} {component.name:22} {component.summary}")


def _as_dict(plugin: Plugin) -> dict[str, object]:
  return {
    "name": plugin.name,
    "package": plugin.package,
    "version": plugin.version,
    "error": plugin.error,
    "components": [
      {"kind": HOOKS[type(c)][1], "name": c.name, "summary": c.summary} for c in plugin.components
    ],
  }
