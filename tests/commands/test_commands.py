"""Every command line of the documentation, of help, of the examples and of messages is right: a
real shell takes it apart, the command knows its options, and what can run here runs.

To run them takes long, so `make test` runs those of the README and of one help, and `tox -e wheels`
all, with packages that were built and installed as a user has them.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import trustme
from bond_builtin.commands.init import examples
from bond_commandkit import TextToSpec
from bond_commandkit.recording_words import recording_request

from bond_core import Registry
from bond_core._cli.main import main
from tests.commands.lines import (
  PAGES,
  ROOT,
  File,
  Line,
  Program,
  in_messages,
  in_prose,
  of_example,
  of_help,
  of_page,
)
from tests.commands.terminal import Terminal
from tests.packages import packages

PROGRAMS = Path(os.environ.get("BOND_PROGRAMS", Path(sys.executable).parent))
"""Where `bond` is taken from."""

NOT_HERE = {
  r"^pip install (?!-e \.)": "from an index; the names are checked",
  r"^make |^source \.venv|^tox |^python -m (?!json)|^twine ": "the repository's own, which CI runs",
  r"\$\(make": "a server in a container",
  r"^export EVM_ENDPOINT=wss://…": "the address of a node that the reader has",
  r"^bond (verify|why|export|replay) ": "a recording; plugins/bond-recordings/tests call them",
  r"redis": "a Redis server; tests/e2e/test_two_servers.py has one",
  r"-capture |^bond sim okx --capture": "recorded frames, which tests of bond-sim have",
  r"\btide\b": "plugins/bond-simkit/tests/test_write_a_simulator.py builds and runs it",
}
"""Lines that do not run here, and why."""

EXAMPLES = examples()
OURS = {
  "spec.yaml": EXAMPLES["btc-pulse"].text,
  "bond.yaml": "specs: [unified.yaml]\nport: 9090\n",
  "requests.txt": "BTC price every 5s\nETH trades\n",
}
"""Files that a reader has, whose lines are examples of what to do with them."""

BEGINNING = ["bond init", "bond init unified"]
"""What a reader of help has done before."""


def why_not(line):
  """Why a line does not run here, None where it does."""
  return next((why for pattern, why in NOT_HERE.items() if re.search(pattern, line.text)), None)


def named(page):
  return page.relative_to(ROOT).as_posix()


STEPS = {named(page): of_page(page) for page in PAGES}
STEPS |= {f"{name} --help": lines for name, lines in of_help().items()}
STEPS |= {f"bond init {name}": of_example(name) for name in EXAMPLES}
LINES = list(
  dict.fromkeys(step for steps in STEPS.values() for step in steps if isinstance(step, Line))
)
FILES = [step for steps in STEPS.values() for step in steps if isinstance(step, File)]
SPANS = [*(span for page in PAGES for span in in_prose(page)), *in_messages()]


# As they are written ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken_apart(tmp_path_factory):
  """The arguments that a shell gives `bond` for each line that has it."""
  folder = tmp_path_factory.mktemp("shell")
  program = folder / "bond"
  program.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >"$ARGUMENTS"\n')
  program.chmod(0o755)
  for name, text in [*OURS.items(), *((file.name, file.text) for file in FILES)]:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
  found = {}
  for number, line in enumerate(line for line in LINES if re.search(r"(^|\| )bond ", line.text)):
    file = folder / f"arguments-{number}"
    subprocess.run(
      ["bash", "-c", line.text],
      cwd=folder,
      env={"PATH": f"{folder}:{os.environ['PATH']}", "ARGUMENTS": str(file), "KEY": "a-key"},
      stdin=subprocess.DEVNULL,
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
      timeout=120,
      check=False,
    )
    found[line] = file.read_text().split("\0")[:-1]
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(folder)
    yield found


def parsed(arguments):
  """The command and what it is given. Raises click.UsageError where it is refused."""
  ctx = click.Context(main, info_name="bond")
  name, command, rest = main.resolve_command(ctx, arguments)
  while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
    ctx = click.Context(command, info_name=name, parent=ctx)
    name, command, rest = command.resolve_command(ctx, rest)
  try:
    return name, command.make_context(name, list(rest), parent=ctx).params
  except click.exceptions.Exit:
    return name, {}


def test_there_are_lines_of_all_kinds():
  assert {"README.md", "docs/tutorial.md", "bond listen --help", "btc-pulse"} <= {
    line.place for line in LINES
  }
  assert len(LINES) > 80
  assert len(SPANS) > 150


def test_commands_take_what_a_shell_makes_of_every_line(taken_apart):
  wrong = []
  text_to_spec = TextToSpec(Registry())
  for line, arguments in taken_apart.items():
    try:
      name, given = parsed(arguments)
    except click.UsageError as exc:
      if "tide" not in line.text:
        wrong.append((line, exc.format_message()))
      continue
    request = given.get("request") or given.get("spec") or ""
    request = request if isinstance(request, str) else " ".join(request)
    if name == "record" and (to_record := recording_request(f"record {request}")) is not None:
      request = to_record.request
    # What `bond explain` is for is also to show what is not understood.
    explains = name == "explain" and request in line.text
    if " " in request and not explains and (problems := text_to_spec.read(request).problems):
      wrong.append((line, *problems))
    # Where a shell has put something in the place of a part of it.
    elif " " in request and request not in line.text:
      wrong.append((line, f"is read as {request}"))
  assert wrong == []


def test_commands_know_what_prose_and_messages_say_of_them():
  """Also where a part is a word for what the reader has, as in `bond new source NAME`."""
  wrong = []
  for span in SPANS:
    words = span.text.split()
    if words[0] != "bond" or words[1].startswith(("-", "{")):
      continue
    _, command, rest = main.resolve_command(click.Context(main, info_name="bond"), words[1:])
    if isinstance(command, click.Group):
      known = {*command.list_commands(click.Context(command)), "NAME", "tide"}
      if rest and not rest[0].startswith(("-", "{")) and rest[0] not in known:
        wrong.append(span)
      continue
    options = {o for p in command.get_params(click.Context(command)) for o in p.opts} | {"--help"}
    if not {word for word in rest if word.startswith("--")} <= options:
      wrong.append(span)
  assert wrong == []


def test_what_is_to_be_installed_has_a_name_that_there_is():
  ours = {*packages(), "websockets"}
  texts = [line.text for line in [*LINES, *SPANS] if line.text.startswith("pip install ")]
  assert len(texts) > 10
  wrong = []
  for text in texts:
    words = re.sub(r"\s#.*", "", text).split()[2:]
    names = [
      re.match(r"['\"]?([\w-]+)", word)[1] for word in words if not word.startswith(("-", "."))
    ]
    wrong += [(text, name) for name in names if name not in ours | {"pip", "test"}]
  assert wrong == []


# At work ------------------------------------------------------------------------------------------

FIRST = ("README.md", "bond listen --help")
"""They go together: the second has the server of the first."""
RUNNING = [
  name
  for name, steps in STEPS.items()
  if any(
    isinstance(step, Program) or (isinstance(step, Line) and not why_not(step)) for step in steps
  )
]
WALKS = [
  pytest.param(FIRST, marks=pytest.mark.slow),
  *(pytest.param((name,), marks=pytest.mark.slow) for name in RUNNING if name not in FIRST),
]


@pytest.fixture
def terminal(tmp_path):
  for name, text in OURS.items():
    (tmp_path / name).write_text(text)
  certificate = trustme.CA().issue_cert("localhost")
  certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
  certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
  made = Terminal(tmp_path, PROGRAMS)
  yield made
  made.close()


WITHOUT_TRACE = r"bond (check|explain|plan|plugins|run|sim|token)\b(?!.*(>|record))"
"""Lines after which all is as it was; one that several pages have runs once."""


@pytest.fixture(scope="module")
def ran():
  return set()


@pytest.mark.parametrize("names", WALKS, ids=", ".join)
def test_who_follows_it_from_its_beginning_gets_to_its_end(names, terminal, ran):
  if names[0].endswith("--help"):
    for line in BEGINNING:
      terminal.type(line)
  for step in (step for name in names for step in STEPS[name]):
    if isinstance(step, File):
      terminal.write(step.name, step.text)
    elif isinstance(step, Program):
      serve(terminal)
      terminal.python(step.text)
    elif step.text.startswith("pip install -e"):
      terminal.install()
    elif why_not(step) is None:
      line = terminal.translated(re.sub(r"\s+# .*", "", step.text))
      if re.match(WITHOUT_TRACE, line) and line in ran:
        continue
      ran.add(line)
      if re.match(r"bond (listen|top)|curl", step.text):
        serve(terminal)
      terminal.type(step.text)


def serve(terminal):
  """Begins a server where the page has none."""
  if not terminal.serves:
    terminal.type("bond init unified --into served")
    terminal.type("bond serve --memory served/unified.yaml")
