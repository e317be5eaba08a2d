"""The command lines that a reader meets: in pages, in help, in examples and in messages."""

import ast
import re
import textwrap
from pathlib import Path

import attrs
import click
from bond_builtin.commands.init import examples

from bond_core import CommandType, Registry
from bond_core._cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [
  ROOT / "README.md",
  *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
  *sorted(path for path in (ROOT / "docs").rglob("*.md")),
  *sorted(ROOT.glob("*/README.md")),
  *sorted(ROOT.glob("plugins/*/README.md")),
  *sorted(ROOT.glob("sdk/*/README.md")),
]
PROGRAMS = "bond|cmp|curl|docker|echo|export|make|pip|pytest|python|sed|source|tox|twine"

_BLOCK = re.compile(
  r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```", re.S | re.M
)
_FILE = re.compile(r"`([\w./-]+\.(?:yaml|py|toml))`")
_SPAN = re.compile(rf"`((?:{PROGRAMS}) [^`\n]+)`")
_IN_HELP = re.compile(rf"^ +((?:{PROGRAMS}) .+)$|\bTry: (.+)$", re.M)


@attrs.frozen
class Line:
  """What is typed, and where it stands."""

  place: str
  text: str


@attrs.frozen
class File:
  """A file that the reader is to write."""

  name: str
  text: str


@attrs.frozen
class Program:
  """Python that the reader is to run as it stands."""

  text: str


Step = Line | File | Program


def of_page(page: Path) -> list[Step]:
  """Returns what a reader does who follows a page from its beginning to its end."""
  text, done = page.read_text(encoding="utf-8"), 0
  place = page.relative_to(ROOT).as_posix()
  steps: list[Step] = []
  for block in _BLOCK.finditer(text):
    before = text[done : block.start()].rstrip().rpartition("\n\n")[2]
    done = block.end()
    content = textwrap.dedent(block["text"])
    names = _FILE.findall(before)
    match block["language"]:
      case "sh":
        steps += [Line(place, line) for line in _typed(content)]
      case "console":
        prompted = [line[2:] for line in content.splitlines() if line.startswith("$ ")]
        steps += [Line(place, line) for line in prompted]
      case "yaml" | "yml" | "toml" | "python" if names and before.endswith(":"):
        steps.append(File(names[-1], content))
      case "python" if (
        "ws://" in content or "import Stream" in content or "import listen" in content
      ):
        steps.append(Program(content))
  return steps


def _typed(text: str) -> list[str]:
  return [line for line in re.sub(r"\\\n *", "", text).splitlines() if line.strip()]


def of_help() -> dict[str, list[Step]]:
  """Returns the lines in the help of each command."""
  commands = {f"bond {name.name}": name.load() for name in Registry().all(CommandType)}
  found: dict[str, list[Step]] = {}
  for name, command in {"bond": main, **commands}.items():
    texts = ["".join(text).strip() for text in _IN_HELP.findall(help_of(command, name))]
    # Those who read it have `bond init` behind them.
    lines = [Line(f"{name} --help", text) for text in texts if not text.startswith("bond init")]
    found |= {name: [*lines]} if lines else {}
  return found


def help_of(command: click.Command, name: str) -> str:
  """Returns what `--help` prints on a wide terminal."""
  with click.Context(command, info_name=name, terminal_width=300) as ctx:
    return command.get_help(ctx)


def of_example(name: str) -> list[Line]:
  """Returns what `bond init` says to do with an example, and the command itself."""
  commands = examples()[name].commands(Path(f"{name}.yaml"))
  return [Line(name, command) for command in [f"bond init {name}", *commands]]


def in_prose(page: Path) -> list[Line]:
  """Returns what stands between backquotes in a page."""
  prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
  place = page.relative_to(ROOT).as_posix()
  return [Line(place, found) for found in _SPAN.findall(prose)]


def in_messages() -> list[Line]:
  """Returns what stands between backquotes in the texts of the code, where it is whole."""
  found = []
  for path in [*ROOT.glob("bond_core/**/*.py"), *ROOT.glob("plugins/*/bond_*/**/*.py")]:
    place, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    if not _SPAN.search(text):
      continue
    for node in ast.walk(ast.parse(text)):
      if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found += [Line(place, span) for span in _SPAN.findall(node.value)]
  return found
