"""bond run"""

import os
import sys

import attrs
import click
import trio
from bond_commandkit import FAILED, DurationType, fail, read_spec, sentences, set_up_logging
from bond_commandkit.last_resort import last_resort
from bond_commandkit.signals import on_signals

from bond_core import BondError, Registry, RunResult, Spec, run
from bond_core.specs import SinkNode

PRINT = "core.print"
"""Where events go that no sink of the spec takes."""


STOP_WITHIN = 12.0
"""Seconds for everything to end after a signal: sinks take the rest, and branches are named that do
not stop."""


@click.command(name="run")
@click.argument("spec")
@click.option("--duration", type=DurationType(), help="Stop after this time, e.g. 20s or 5m.")
@click.option("--json", "as_json", is_flag=True, help="One event a line on standard output.")
@click.option("--sim", is_flag=True, help="Run against simulated venues, without a network.")
@click.option("--debug", is_flag=True, help="Check every batch of every plugin; it costs speed.")
@click.option("-v", "--verbose", count=True, help="Say what happens; twice for tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def run_command(
  spec: str,
  duration: float | None,
  as_json: bool,
  sim: bool,
  debug: bool,
  verbose: int,
  quiet: bool,
) -> None:
  """Run SPEC, a YAML or JSON file (- for standard input), until Ctrl-C. With a parser
  of plain English (`bond plugins`) SPEC may be a request; its interpretation goes to standard
  error first.

  Events go where the spec's sinks say; without sinks they are printed. Everything else goes to
  standard error, and a summary comes last. Exit code 0 when it ran, 1 when a part of it failed,
  2 when the spec is wrong.

  \b
  bond run btc-pulse.yaml --sim
  bond run btc-pulse.yaml --json --duration 20s > btc.jsonl
  bond run "BTC price on binance every 5s" --sim
  """
  set_up_logging(verbose, quiet)
  checked = with_printing(read_spec(spec), as_json)
  if debug:
    from bond_builtin.checks import with_checks

    checked = with_checks(checked)
  for warning in checked.warnings:
    click.echo(f"warning: {warning}", err=True)
  try:
    result = trio.run(_run, checked, duration, sim)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)
  if not quiet:
    click.echo(str(result), err=True)
  for failure in result.failures:
    click.echo(f"failed: {failure}", err=True)
  sys.exit(FAILED if result.failures else 0)


async def _run(spec: Spec, duration: float | None, sim: bool) -> RunResult:
  stop = trio.Event()
  async with trio.open_nursery() as nursery:
    await nursery.start(on_signals, stop.set)
    with last_resort(STOP_WITHIN, _leave):
      result = await run(spec, duration=duration, simulate=sim, stop=stop, give_up=_give_up)
    nursery.cancel_scope.cancel()
  return result


def _leave() -> None:
  sys.stderr.write(f"not everything ended within {STOP_WITHIN:.0f} s\n")
  sys.stderr.flush()
  os._exit(FAILED)


def _give_up(names: list[str]) -> None:
  """Called in a thread when cancelled branches do not end: names them, and exits."""
  sys.stderr.write(
    f"{' and '.join(names)} did not stop within 5 s of being cancelled; a plugin must not catch "
    "trio.Cancelled or shield itself for long\n"
  )
  sys.stderr.flush()
  os._exit(FAILED)


def with_printing(spec: Spec, as_json: bool) -> Spec:
  """The spec with its core.print sinks as JSON where `as_json` says so; one is added to a spec that
  prints nowhere, where it has no other sinks or with `as_json`."""
  screen = Registry().sink(PRINT)
  config = screen.config(format="json") if as_json else screen.config()
  printing = {key: node for key, node in spec.sinks.items() if node.use == PRINT}
  sinks = dict(spec.sinks)
  if as_json:
    sinks.update({key: attrs.evolve(node, config=config) for key, node in printing.items()})
  if not printing and (as_json or not spec.sinks):
    read = {name for node in spec.transforms.values() for name in node.inputs}
    ends = tuple(key for key in (*spec.sources, *spec.transforms) if key not in read)
    sinks["print"] = SinkNode(key="print", use=PRINT, type=screen, config=config, inputs=ends)
  return attrs.evolve(spec, sinks=sinks)
