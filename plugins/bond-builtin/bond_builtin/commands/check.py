"""bond check"""

import click
from bond_commandkit import read_spec

from bond_core.specs import stream_id


@click.command(name="check")
@click.argument("specs", nargs=-1, required=True)
def check_command(specs: tuple[str, ...]) -> None:
  """Check SPECS: every problem at once, each with its place. Exit code 2 if there is one.

  Nothing is connected; the plugins that a spec names are loaded.
  """
  for path in specs:
    spec = read_spec(path)
    for warning in spec.warnings:
      click.echo(f"{path}: warning: {warning}", err=True)
    nodes = f"{len(spec.sources)} sources, {len(spec.transforms)} transforms"
    click.echo(f"{path}: ok: {spec.name}, {nodes}, {len(spec.sinks)} sinks, id {stream_id(spec)}")
