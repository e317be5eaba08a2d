"""The command `bond new`."""

from pathlib import Path

import click
from bond_commandkit import FAILED, fail, into_option

from bond_core import BondError
from bond_new.capture import read_capture
from bond_new.package import KINDS, write_package


@click.command(name="new")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("name")
@click.option(
  "--from-capture",
  "capture",
  type=click.Path(path_type=Path),
  metavar="FILE",
  help="Recorded frames of a venue (plain or gzip): writes their message structs and a test too.",
)
@into_option("the package's folder")
def new_command(kind: str, name: str, capture: Path | None, folder: Path) -> None:
  """Write a plugin to start from: a package bond-NAME with code that works, tests that pass, a
  README and a CI file.

  KIND is what it offers: a source (polled), a venue (a WebSocket feed with books), a transform, a
  sink or a service of `bond serve`. Everything in a spec that begins with NAME is then its own.

  \b
  bond new source myfeed
  bond new venue kraken --from-capture kraken.gz
  """
  try:
    frames = None if capture is None else read_capture(capture)
    made = write_package(kind, name, folder, frames)
  except BondError as exc:
    fail(str(exc))
  except OSError as exc:
    fail(f"cannot write {exc.filename}: {exc.strerror}; choose another place with --into", FAILED)
  click.echo(f"{made} is written; next:")
  click.echo(f"  cd {made}")
  click.echo("  pip install --upgrade 'pip>=25.1'")
  click.echo("  pip install --group test -e .")
  click.echo("  pytest")
