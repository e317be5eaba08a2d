"""bond check"""

import json
import sys
from typing import Any

import click
from bond_commandkit import BAD_SPEC, is_request, load_file, read_spec

from bond_core import BondError, Registry, Spec, SpecError
from bond_core.config import counted
from bond_core.specs import stream_id


@click.command(name="check")
@click.argument("specs", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="A JSON list, one object a spec.")
def check_command(specs: tuple[str, ...], as_json: bool) -> None:
  """Check SPECS: every problem at once, each with its place. Exit code 2 if there is one.

  Nothing is connected; the plugins that a spec names are loaded, and so are the Python functions
  that it names. Files that it reads have to be there.
  """
  found = [_checked(path) for path in specs]
  if as_json:
    click.echo(json.dumps([{k: v for k, v in one.items() if k != "text"} for one in found]))
  else:
    for one in found:
      for warning in one["warnings"]:
        click.echo(f"{one['file']}: warning: {warning}", err=True)
      click.echo(one["text"], err=not one["ok"])
  sys.exit(0 if all(one["ok"] for one in found) else BAD_SPEC)


def _checked(path: str) -> dict[str, Any]:
  """What is to be said of a spec; `text` for people."""
  found: dict[str, Any] = {"file": path, "ok": False, "warnings": [], "problems": []}
  try:
    spec = read_spec(path) if is_request(path) else load_file(path, Registry())
  except SpecError as exc:
    found["text"] = str(exc)
    found["problems"] = [
      {"path": p.path, "line": p.line, "column": p.column, "message": p.message}
      for p in exc.problems
    ]
    return found
  except BondError as exc:
    found["text"] = str(exc)
    found["problems"] = [{"path": "", "line": None, "column": None, "message": str(exc)}]
    return found
  found |= {"name": spec.name, "id": stream_id(spec), "warnings": list(spec.warnings)}
  found |= {kind: len(getattr(spec, kind)) for kind in ("sources", "transforms", "sinks")}
  found["problems"] = _missing(spec)
  found["ok"] = not found["problems"]
  parts = (counted(found[f"{one}s"], one) for one in ("source", "transform", "sink"))
  found["text"] = f"{path}: ok: {spec.name}, {', '.join(parts)}, id {found['id']}"
  if not found["ok"]:
    found["text"] = "\n".join(
      f"{path}:{one['line']}:{one['column']}: {one['path']}: {one['message']}"
      for one in found["problems"]
    )
  return found


def _missing(spec: Spec) -> list[dict[str, Any]]:
  """What the components of a spec name on this machine and is not there."""
  problems = []
  for kind in ("sources", "transforms", "sinks"):
    for key, node in getattr(spec, kind).items():
      missing = getattr(node.config, "missing", None)
      if missing is not None and (message := missing()) is not None:
        line, column = node.at or (None, None)
        problems.append(
          {"path": f"{kind}.{key}", "line": line, "column": column, "message": message}
        )
  return problems
