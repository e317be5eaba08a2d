"""bond replay"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import trio
from bond_commandkit import FAILED, fail, sentences, set_up_logging
from bond_commandkit.plain_text import one_line
from bond_commandkit.signals import on_signals
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import segments_of

from bond_core import BondError
from bond_recordings.lines import Selection, require_some, span_of
from bond_recordings.moments import FORMS
from bond_recordings.playing import paced
from bond_recordings.serving.ledger import check_ledger

_SHOWN = ("price", "size", "side", "bid", "ask", "last", "rate", "price_avg", "reason", "cause")


class SpeedType(click.ParamType[float]):
  """A factor, or max."""

  name = "speed"

  def convert(
    self, value: object, param: click.Parameter | None, ctx: click.Context | None
  ) -> float:
    text = str(value)
    if text == "max":
      return 0.0
    try:
      speed = float(text)
    except ValueError:
      speed = -1.0
    if not 0 < speed <= 100_000:
      self.fail(f"{text!r} is no speed; write a factor up to 100000, such as 1 or 50, or max")
    return speed


@click.command(name="replay")
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
  "--speed",
  type=SpeedType(),
  default="1",
  show_default=True,
  metavar="N|max",
  help="How many times as fast as it was recorded.",
)
@click.option("--from", "since", metavar="TIME", help=f"Received from here on: {FORMS}.")
@click.option("--until", metavar="TIME", help="Received before.")
@click.option(
  "--port",
  type=click.IntRange(0, 65535),
  help="Serve it as a live server is: /stream, /raw, /ws/{stream_id} and metrics on this port.",
)
@click.option(
  "--api-port",
  type=click.IntRange(0, 65535),
  default=0,
  help="Port of the control plane of --port; 0 = any.",
)
@click.option(
  "--locked", is_flag=True, help="With --port: time stands still until a client advances it."
)
@click.option(
  "--ledger",
  type=click.Path(path_type=Path, dir_okay=False),
  metavar="FILE.jsonl.zst",
  help="With --port: where decisions are written, before what came of them can be read.",
)
@click.option("--json", "as_json", is_flag=True, help="The recorded lines on standard output.")
@click.option("-v", "--verbose", count=True, help="Say what happens; twice for tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def replay_command(
  recording: Path,
  speed: float,
  since: str | None,
  until: str | None,
  port: int | None,
  api_port: int,
  locked: bool,
  ledger: Path | None,
  as_json: bool,
  verbose: int,
  quiet: bool,
) -> None:
  """Play RECORDING again, event by event, in the rhythm in which it was received.

  With --json the lines are those of the recording, byte for byte. To run transforms over it, use
  the source core.jsonl in a spec.

  With --port any client of a live server reads the recording; all its sources say replay, and the
  log's epoch begins with replay-. Clients steer it on /stream or POST /v1/replay: pause, resume,
  seek, speed. In --locked time they advance it, and nothing that was received later can be read.

  \b
  bond replay btc.jsonl.zst --speed 50
  bond replay btc.jsonl.zst --speed max --json --from +1s --until +3s
  bond replay btc.jsonl.zst --port 8080 --locked
  """
  set_up_logging(verbose, quiet)
  try:
    paths = segments_of(recording)
    first, last = span_of(paths, since, until)
    wanted = Selection(since=first, until=last)
    require_some(paths, wanted)
    if ledger is not None:
      check_ledger(ledger)
  except (RecordingError, ValueError) as exc:
    fail(str(exc))
  if port is None and (locked or ledger is not None):
    fail("--locked and --ledger are for a replay that is served; give --port")
  try:
    if port is not None:
      from bond_recordings.serving.run import serve_recording

      ports = {"broker": port, "api": api_port}
      trio.run(serve_recording, paths, wanted, ports, speed, locked, ledger)
      return
    trio.run(_print, paths, wanted, speed, as_json)
  except* BrokenPipeError:
    # Its reader has gone, and so has what the interpreter would flush.
    sys.stderr.close()
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)


async def _print(paths: list[Path], wanted: Selection, speed: float, as_json: bool) -> None:
  async with trio.open_nursery() as nursery:
    await nursery.start(on_signals, nursery.cancel_scope.cancel)
    out = sys.stdout.buffer
    async for moment in paced(paths, wanted, speed):
      if as_json:
        out.write(b"\n".join(moment.lines) + b"\n")
      else:
        out.write("".join([_shown(moment.ms, line) for line in moment.lines]).encode())
      if speed:
        out.flush()
      else:
        await trio.lowlevel.checkpoint()
    out.flush()
    nursery.cancel_scope.cancel()


def _shown(ms: int, line: bytes) -> str:
  event: dict[str, Any] = msgspec.json.decode(line)
  at = datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
  values = " ".join(f"{name}={event[name]}" for name in _SHOWN if event.get(name) is not None)
  who = f"{event.get('exchange', '')} {event.get('symbol', '')}".strip()
  return one_line(f"{at}  {event['type']:<12} {who:<22} {values}") + "\n"
