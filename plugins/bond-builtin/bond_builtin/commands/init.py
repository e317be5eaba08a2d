"""bond init"""

import re
import shlex
from importlib import metadata, resources
from pathlib import Path

import attrs
import click
from bond_commandkit import FAILED, fail, into_option

FIRST = "btc-pulse"
"""The example that is written where none is named."""

_INSTALL = "pip install "


@attrs.frozen
class Example:
  """A spec that comes with this package. Its first lines are comments: what it shows, and then,
  indented, the commands to try it with."""

  name: str
  text: str

  @property
  def summary(self) -> str:
    """Returns its first sentence."""
    said = [line for line in self._comments() if not line.startswith(" ")]
    return f"{' '.join(said).partition('. ')[0].rstrip('.')}."

  def commands(self, file: Path) -> list[str]:
    """Returns what to type for an example that is in a file. What is installed already need not be
    installed."""
    found = []
    for line in self._comments():
      command = line.strip()
      if line.startswith(f"  {_INSTALL}"):
        missing = [name for name in command.removeprefix(_INSTALL).split() if not _is_here(name)]
        command = " ".join([_INSTALL.strip(), *missing]) if missing else ""
      if line.startswith("  ") and command:
        found.append(command.replace(f"{self.name}.yaml", shlex.quote(str(file))))
    return found

  def _comments(self) -> list[str]:
    lines = re.match(r"(?:#.*\n)*", self.text)
    return [line[2:] for line in lines[0].splitlines()] if lines else []


def examples() -> dict[str, Example]:
  """Returns all examples by their names."""
  folder = resources.files("bond_builtin") / "examples"
  files = {file.name.removesuffix(".yaml"): file for file in folder.iterdir()}
  return {name: Example(name, files[name].read_text("utf-8")) for name in sorted(files)}


def _is_here(package: str) -> bool:
  try:
    metadata.distribution(package)
  except metadata.PackageNotFoundError:
    return False
  return True


class InitCommand(click.Command):
  """Its help has a line for each example."""

  def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    with formatter.section("Names"):
      formatter.write_dl([(example.name, example.summary) for example in examples().values()])
    super().format_options(ctx, formatter)


class ExampleName(click.ParamType[Example]):
  """The name of an example."""

  name = "example"

  def convert(
    self, value: object, param: click.Parameter | None, ctx: click.Context | None
  ) -> Example:
    known = examples()
    if isinstance(value, Example):
      return value
    if value not in known:
      self.fail(f"there is no example {value!r}; there are {', '.join(known)}", param, ctx)
    return known[str(value)]


@click.command(name="init", cls=InitCommand)
@click.argument("example", metavar="[NAME]", type=ExampleName(), default=FIRST)
@into_option("the file")
def init_command(example: Example, folder: Path) -> None:
  """Write a spec to start from, NAME.yaml: one of the examples below, btc-pulse where none is
  named. A file that is there already is left as it is.

  \b
  bond init
  bond init unified
  """
  file = folder / f"{example.name}.yaml"
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as out:
      out.write(example.text)
  except FileExistsError:
    fail(f"{file} is there already; move it away, or choose another place with --into")
  except OSError as exc:
    fail(f"cannot write {file}: {exc.strerror}; choose another place with --into", FAILED)
  click.echo(f"{file} is written; next:")
  for command in example.commands(file):
    click.echo(f"  {command}")
