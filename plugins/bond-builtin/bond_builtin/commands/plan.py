"""bond plan"""

import json

import attrs
import click
from bond_commandkit import read_spec

from bond_builtin.venue_plan import plan


@click.command(name="plan")
@click.argument("spec")
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object.")
def plan_command(spec: str, as_json: bool) -> None:
  """Say what SPEC would cost each venue, without connecting: connections, subscriptions, request
  weight, how long a start takes at the venue's published limits, and whose terms apply.

  Whether a venue lists the markets is known where this machine has kept its list, of a run or a
  server of the last day; what is newer, and what is traded, a run finds out.
  """
  result = plan(read_spec(spec))
  if as_json:
    click.echo(json.dumps(attrs.asdict(result)))
    return
  click.echo(f"{result.name}:")
  for row in result.venues:
    limit, seconds = row.weight_limit
    click.echo(
      f"  {row.venue} {row.group}: {row.subscriptions} subscriptions on {row.connections} "
      f"connections, {row.messages} messages, request weight {row.weight} "
      f"(limit {limit} in {seconds:.0f} s), complete after about {row.start_seconds:.0f} s"
    )
    for reason in row.rejected:
      click.echo(f"    refused: {reason}")
  for sentence in result.unlisted:
    click.echo(f"  {sentence}")
  for source in result.sources:
    click.echo(f"  sources.{source.source} ({source.use}), terms of use: {source.terms}")
