"""A command's options from flags, the environment and a file; and which of them holds."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from bond_commandkit import fail
from click.core import ParameterSource

from bond_core import SpecError
from bond_core.config import HIDDEN, did_you_mean, redact_target
from bond_core.specs import Document, kind_of, read_document

NOT_IN_A_FILE: Final = frozenset(["config", "print-config", "help"])
SECRETS: Final = ("BOND_SECRET", "BOND_SECRET_PREVIOUS", "BOND_API_KEYS")
"""Variables whose value is a secret; no file and no flag can give them."""

_FILE = "bond.settings.file"


def config_option(env: str) -> click.Option:
  """`--config FILE`: what the file says holds where no flag and no variable says else."""
  return click.Option(
    ["--config"],
    metavar="FILE",
    envvar=env,
    is_eager=True,
    expose_value=False,
    callback=_use_file,
    help="YAML file with options by their names, without the dashes.",
  )


def _use_file(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
  if not path or ctx.resilient_parsing:
    return
  try:
    text = Path(path).read_text(encoding="utf-8")
  except OSError as exc:
    fail(f"cannot read {path}: {exc.strerror}; --config names a YAML file such as `port: 8080`")
  except UnicodeDecodeError:
    fail(f"{path} is not UTF-8 text; --config names a YAML file such as `port: 8080`")
  try:
    document, values = read_settings(text, path, ctx.command.get_params(ctx), ctx)
  except SpecError as exc:
    fail(str(exc))
  ctx.default_map = values
  ctx.meta[_FILE] = document


def read_settings(
  text: str, file: str, params: Iterable[click.Parameter], ctx: click.Context | None = None
) -> tuple[Document, dict[str, Any]]:
  """The document and its values by parameter; raises SpecError with every problem and where it
  is."""
  document = read_document(text, file)
  known = {key: param for param in params if (key := key_of(param)) not in NOT_IN_A_FILE}
  values: dict[str, Any] = {}
  for key, value in document.data.items():
    param = known.get(key)
    if param is None:
      hint = did_you_mean(key, known) or "; see bond serve --help for the names"
      if key.upper().replace("-", "_") in SECRETS:
        document.mask((key,))
        hint = "; a secret stands in the environment only"
      document.refuse(f"unknown key {key!r}{hint}", (key,), "key")
      continue
    try:
      values[str(param.name)] = _fitting(param, value, ctx)
    except ValueError as exc:
      document.refuse(str(exc), (key,))
    except click.BadParameter as exc:
      document.refuse(exc.message.rstrip("."), (key,))
  document.check()
  return document, values


def key_of(param: click.Parameter) -> str:
  """The name of a parameter in a file: --api-port is api-port."""
  option = next((opt for opt in param.opts if opt.startswith("--")), param.opts[0])
  return option.lstrip("-")


def _fitting(param: click.Parameter, value: Any, ctx: click.Context | None) -> Any:
  """The value as a flag would give it; ValueError or click's own error says what it takes."""
  if isinstance(param, click.Option) and param.is_flag:
    if type(value) is not bool:
      raise ValueError(f"expected true or false, got {kind_of(value)}")
    return value
  if (isinstance(param, click.Option) and param.count) or param.type is click.INT:
    if type(value) is not int:
      raise ValueError(f"expected a whole number, got {kind_of(value)}")
    return value
  if param.nargs == -1 or param.multiple:
    items = value if isinstance(value, list) else [value]
    return [_text(item, "a list of texts") for item in items]
  return param.type.convert(_text(value, "text"), param, ctx)


def _text(value: Any, expected: str) -> str:
  if isinstance(value, bool) or not isinstance(value, (str, int, float)):
    raise ValueError(f"expected {expected}, got {kind_of(value)}")
  return str(value)


def origin(ctx: click.Context, param: click.Parameter) -> str:
  """Where a parameter's value comes from: --port, BOND_PORT, bond.yaml:3 or default."""
  source = ctx.get_parameter_source(str(param.name))
  if source is ParameterSource.COMMANDLINE:
    return param.opts[0] if isinstance(param, click.Option) else "command line"
  if source is ParameterSource.ENVIRONMENT:
    return str(param.envvar)
  if source is ParameterSource.DEFAULT_MAP:
    document: Document = ctx.meta[_FILE]
    return f"{document.file}:{document.key_span((key_of(param),)).line}"
  return "default"


def effective(
  ctx: click.Context, values: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> str:
  """Every option with its value and where that comes from, as a file that --config takes. `values`
  are those that hold, by parameter. Secrets are not shown."""
  environ = os.environ if environ is None else environ
  lines = []
  for param in ctx.command.get_params(ctx):
    key = key_of(param)
    if key in NOT_IN_A_FILE or param.name not in values:
      continue
    value = values[param.name]
    if value is None or value in ((), []):
      lines.append((f"# {key}:", "not set"))
    else:
      lines.append((f"{key}: {_written(value)}", origin(ctx, param)))
  lines += [(f"# {name}: {HIDDEN}", "environment") for name in SECRETS if environ.get(name)]
  if file := environ.get("BOND_SECRET_FILE"):
    lines.append((f"# BOND_SECRET_FILE: {_written(file)}", "environment"))
  width = max((len(line) for line, _ in lines if len(line) <= 40), default=0)
  return "\n".join(f"{line:<{width}}  # {source}" for line, source in lines)


def _written(value: Any) -> str:
  if type(value) in (bool, int):
    return json.dumps(value)
  if isinstance(value, (list, tuple)):
    return f"[{', '.join(map(_written, value))}]"
  return json.dumps(redact_target(str(value)), ensure_ascii=False)
