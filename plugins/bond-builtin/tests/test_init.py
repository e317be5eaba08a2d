"""bond init: what it writes, what it says to do next, and what it leaves alone."""

import re
import shlex
from importlib import metadata
from pathlib import Path

import pytest
from bond_builtin.commands.init import examples, init_command
from click.testing import CliRunner

from bond_core.packages import known_packages

EXAMPLES = examples()


def init(*arguments):
  """What it says, and its exit code."""
  done = CliRunner().invoke(init_command, list(arguments))
  return done.output, done.exit_code


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)


def test_without_a_name_there_is_one_spec_and_what_to_do_next():
  said, code = init()
  assert code == 0
  assert Path("btc-pulse.yaml").read_text() == EXAMPLES["btc-pulse"].text
  lines = said.splitlines()
  assert lines[0] == "btc-pulse.yaml is written; next:"
  assert any(line.startswith("  bond run btc-pulse.yaml --sim") for line in lines)


def test_help_lists_every_example_with_what_it_shows():
  said, code = init("--help")
  assert code == 0
  for name, example in EXAMPLES.items():
    assert re.search(rf"^  {name}  +\S", said, re.M)
    assert example.summary.split()[0] in said


def test_a_file_that_is_there_is_left_as_it_is():
  Path("clock.yaml").write_text("mine")
  said, code = init("clock")
  assert code == 2
  assert said == "clock.yaml is there already; move it away, or choose another place with --into\n"
  assert Path("clock.yaml").read_text() == "mine"
  Path("solana.yaml").symlink_to("nowhere.yaml")
  assert init("solana")[1] == 2
  assert not Path("nowhere.yaml").exists()


def test_it_goes_into_another_folder_and_the_commands_with_it():
  said, code = init("unified", "--into", "a b/c")
  assert code == 0
  assert Path("a b/c/unified.yaml").exists()
  (serve,) = [line for line in said.splitlines() if "bond serve" in line]
  assert "a b/c/unified.yaml" in shlex.split(serve)


def test_a_place_that_cannot_be_written_is_named():
  Path("file").touch()
  said, code = init("clock", "--into", "file/x")
  assert code == 1
  assert said.startswith("cannot write file/x/clock.yaml: ")


def test_another_name_is_answered_with_those_that_there_are():
  said, code = init("btc-puls")
  assert code == 2
  assert f"there are {', '.join(EXAMPLES)}" in said


def test_only_what_is_missing_is_to_be_installed(monkeypatch):
  def distribution(name):
    if name == "bond-ccxt":
      raise metadata.PackageNotFoundError(name)

  monkeypatch.setattr(metadata, "distribution", distribution)
  said, _ = init("through-ccxt")
  assert "  pip install bond-ccxt\n" in said
  said, _ = init("btc-pulse")
  assert "pip" not in said


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_an_example_says_what_it_needs_and_nothing_else(example):
  """What its components, its simulators and its command come with; bond-core brings the rest."""
  known = known_packages()
  lines = [line for line in example.text.splitlines() if line.startswith("#   ")]
  installed = {word for line in lines if "pip" in line for word in line.split() if "bond-" in word}
  used = re.findall(r"use: ([\w.]+)", example.text)
  needed = set()
  for name in used:
    owners = [
      (len(plugin), package)
      for package, offer in known.items()
      for plugin in offer.get("plugins", ())
      if f"{name}.".startswith(f"{plugin}.")
    ]
    needed.add(max(owners)[1])
  commands = " ".join(lines)
  needed |= {"bond-sim"} if " --sim" in commands and example.name != "replay" else set()
  needed |= {"bond-broker"} if "bond serve" in commands else set()
  assert installed == needed - {"bond-builtin"}
