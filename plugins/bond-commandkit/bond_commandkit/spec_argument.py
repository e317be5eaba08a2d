"""The spec that a command is given: a file, standard input, or a request in plain English."""

import sys
from pathlib import Path

import click

from bond_commandkit.output import BAD_SPEC, fail
from bond_core import BondError, ParserType, Registry, Spec, load_spec
from bond_core.packages import packages_with
from bond_core.specs import Components


def read_spec(path: str) -> Spec:
  """The checked spec of a file (- for standard input) or of a request in plain English; exits with
  2 and every problem otherwise."""
  registry = Registry()
  try:
    return _requested(path, registry) if is_request(path) else load_file(path, registry)
  except BondError as exc:
    fail(str(exc))


def load_file(path: str, registry: Components) -> Spec:
  """The checked spec of a file, or of standard input (-). Raises SpecError with every problem, and
  BondError where it cannot be read."""
  try:
    if path == "-":
      return load_spec(sys.stdin.read(), file="<stdin>", registry=registry)
    text = Path(path).read_text(encoding="utf-8")
  except OSError as exc:
    raise BondError(
      f"cannot read {path}: {exc.strerror}; give a spec file (`bond init` writes one)"
    ) from exc
  except UnicodeDecodeError as exc:
    raise BondError(f"{path} is not UTF-8 text; a spec is YAML or JSON") from exc
  return load_spec(text, file=path, registry=registry)


def is_request(path: str) -> bool:
  """Whether what stands for a spec is a request in English: no file, and not named like one."""
  if path == "-" or path.lower().endswith((".yaml", ".yml", ".json")):
    return False
  try:
    return not Path(path).exists()
  except (OSError, ValueError):
    # Longer than a file's name can be, or with a zero byte in it.
    return True


def _requested(text: str, registry: Registry) -> Spec:
  if not any(parser.parse is not None for parser in registry.all(ParserType)):
    what = f"or for a request in plain English pip install {packages_with('parser')}"
    fail(f"there is no file {text!r}; give a spec file (`bond init` writes one), {what}")
  from bond_commandkit.account import account_lines
  from bond_commandkit.text_to_spec import text_to_spec

  # What runs reads the venue's own list, which is newer than one that is kept here.
  answer = text_to_spec(text, registry, listed=False)
  if " " not in text:
    click.echo(f"there is no file {text!r}; read as a request:", err=True)
  click.echo("\n".join(account_lines(answer)), err=True)
  if answer.spec is None:
    sys.exit(BAD_SPEC)
  return answer.spec
