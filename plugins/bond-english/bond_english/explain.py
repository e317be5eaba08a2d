"""The command `bond explain`: what a request means, without starting it."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import click
from bond_commandkit import BAD_SPEC, FAILED, STARTING, Answer, TextToSpec, account_lines, fail

from bond_core import PluginError, Registry


@click.command(name="explain")
@click.argument("request", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a request.")
@click.option("--parser", metavar="NAME", help="Only this parser, where several are installed.")
def explain_command(request: tuple[str, ...], as_json: bool, parser: str | None) -> None:
  """Say what REQUEST means: what each word was taken for, and the spec; nothing is started.

  With - requests are read from standard input, one a line. Exit code 0 when the request can be
  started, 2 when something has to be said or installed first; with - always 0.

  \b
  bond explain "BTC price + tweets every 5s"
  bond explain --json - < requests.txt
  bond explain --parser llm "how is ether doing on kraken"
  """
  try:
    text_to_spec = TextToSpec(Registry(), parser=parser)
    if request == ("-",):
      _show(map(text_to_spec.read, _lines()), as_json)
      return
    answer = text_to_spec.read(" ".join(request))
  except PluginError as exc:
    fail(str(exc), FAILED)
  _show([answer], as_json)
  if answer.spec is None:
    sys.exit(BAD_SPEC)


def _lines() -> Iterable[str]:
  for line in sys.stdin:
    yield line.rstrip("\r\n")


def _show(answers: Iterable[Answer], as_json: bool) -> None:
  for answer in answers:
    if as_json:
      click.echo(json.dumps(answer.understood(), ensure_ascii=False))
    else:
      click.echo("\n".join(account_lines(answer)))
      if answer.reading.spec is not None and answer.reading.outcome != "reject":
        if answer.reading.outcome not in STARTING:
          click.echo("# only if that is what you mean:")
        click.echo(_yaml(answer.reading.spec))


def _yaml(spec: dict[str, Any]) -> str:
  """A spec as people write it: an entry a line."""
  import yaml

  lines = []
  for section, nodes in spec.items():
    lines.append(f"{section}:")
    for key, node in nodes.items():
      flow = yaml.safe_dump(node, default_flow_style=True, sort_keys=False, width=10_000)
      lines.append(f"  {key}: {flow.strip()}")
  return "\n".join(lines)
