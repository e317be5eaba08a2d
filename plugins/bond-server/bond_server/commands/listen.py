"""bond listen"""

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import click
import msgspec
import trio
from bond_commandkit import (
  BAD_SPEC,
  FAILED,
  DurationType,
  fail,
  is_request,
  sentences,
  set_up_logging,
)
from bond_commandkit.signals import on_signals

from bond_core import (
  AnyEvent,
  Batch,
  BondError,
  Disconnected,
  Gap,
  Heartbeat,
  Refused,
  Registry,
  Sink,
  SinkContext,
  SystemClock,
  Window,
  decode,
)
from bond_core.config import counted
from bond_core.feeds import Backoff
from bond_core.websockets import HandshakeRefused, open_websocket
from bond_server.commands.calling import SERVER, answer_of, key_option

SILENCE = 65.0
"""Seconds; the server says something every 30."""

_CODE = re.compile(r"with code (\d{4})")
_EXPIRED = "4005"
_window = msgspec.json.Decoder(Window)


@attrs.define
class StreamProgress:
  """How far a listener is, and what it has seen."""

  epoch: str = ""
  seq: int | None = None
  events: int = 0
  gaps: int = 0
  reconnects: int = 0

  def take(self, event: AnyEvent) -> None:
    """One more message."""
    if isinstance(event, Heartbeat):
      self.epoch = str(event.info.get("epoch") or self.epoch)
      seq = event.info.get("seq")
    else:
      self.gaps += isinstance(event, Gap)
      self.events += not isinstance(event, Gap)
      seq = event.seq if isinstance(event, Window) else event.seq_internal
      if isinstance(event, Gap) and event.to_seq is not None:
        seq = event.to_seq
    if isinstance(seq, int):
      self.seq = max(seq, self.seq or 0)

  @property
  def resume(self) -> str | None:
    """What `from` says to go on here; None where nothing came yet."""
    return f"{self.epoch}:{self.seq}" if self.epoch and self.seq is not None else None


@click.command(name="listen")
@click.argument("request")
@click.option(
  "--server",
  "--url",
  default=SERVER,
  show_default=True,
  envvar="BOND_SERVER",
  metavar="URL",
  help="The control plane of a server.",
)
@key_option
@click.option("--confirm", is_flag=True, help="Start also what has to be confirmed first.")
@click.option("--duration", type=DurationType(), help="Stop after this time, e.g. 20s or 5m.")
@click.option("--json", "as_json", is_flag=True, help="One message a line on standard output.")
@click.option("-v", "--verbose", count=True, help="Say what happens; twice for tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def listen_command(
  request: str,
  server: str,
  key: str | None,
  confirm: bool,
  duration: float | None,
  as_json: bool,
  verbose: int,
  quiet: bool,
) -> None:
  """Make a stream on a server and follow it until Ctrl-C. REQUEST is plain English, or a spec file.

  What the request was taken for goes to standard error. After a cut the stream goes on where it
  was; what is lost comes as a gap. The stream stays on the server: the same request finds it again.
  Exit code 0 when it ran, 1 when the server could not be reached or ended it, 2 when the request
  was refused.

  \b
  bond listen "BTC price every 5s"
  bond listen 'ETH trades over $1k' --json > eth.jsonl
  bond listen unified.yaml --server https://bond.example.com --key "$KEY"
  """
  set_up_logging(verbose, quiet)
  place = StreamProgress()
  body = _body(request, confirm=confirm)
  try:
    trio.run(_run, body, server.rstrip("/"), key, duration, as_json, quiet, place)
  except* BrokenPipeError:
    # Such as `| head`: its reader has what it came for.
    pass
  except* BondError as group:
    refused = any(isinstance(exc, Refused) for exc in group.exceptions)
    fail("\n".join(sentences(group)), BAD_SPEC if refused else FAILED)
  if not quiet:
    figures = ((place.events, "event"), (place.gaps, "gap"), (place.reconnects, "reconnect"))
    summary = ", ".join(counted(number, one) for number, one in figures)
    click.echo(summary, err=True)


def _body(request: str, *, confirm: bool) -> dict[str, Any]:
  if is_request(request):
    return {"natural_language": request, "confirm": confirm}
  try:
    return {"spec": Path(request).read_text(encoding="utf-8")}
  except OSError as exc:
    fail(f"cannot read {request}: {exc.strerror}")
  except UnicodeDecodeError:
    fail(f"{request} is not UTF-8 text; a spec is YAML or JSON")


async def _run(
  body: dict[str, Any],
  server: str,
  key: str | None,
  duration: float | None,
  as_json: bool,
  quiet: bool,
  place: StreamProgress,
) -> None:
  with trio.move_on_after(float("inf") if duration is None else duration) as limit:
    async with trio.open_nursery() as nursery:
      await nursery.start(on_signals, limit.cancel)
      made = await _made(server, "/v1/streams", key, body)
      if not quiet:
        _report(made)
      logger = logging.LoggerAdapter(logging.getLogger("bond.listen"))
      ctx = SinkContext(name="listen", clock=SystemClock(), log=logger)
      screen = Registry().sink("core.print")
      config = screen.config(format="json") if as_json else screen.config()
      async with screen.make(config, ctx) as sink:
        await _follow(made, server, key, sink, place)


async def _made(server: str, path: str, key: str | None, body: dict[str, Any]) -> dict[str, Any]:
  """A stream or a token for one. Raises what `answer_of` raises, and Disconnected where it is
  none."""
  found = await answer_of(server, path, key, body)
  if "ws_url" not in found:
    raise Disconnected(f"{server} is no control plane of Bond")
  return found


def _report(made: dict[str, Any]) -> None:
  """What the request was taken for, and which stream it is."""
  understood = made.get("understood") or {}
  if sentence := understood.get("sentence"):
    click.echo(f"{understood.get('outcome')}: {sentence}", err=True)
  click.echo(f"stream {made['stream_id']}", err=True)


async def _follow(
  made: dict[str, Any], server: str, key: str | None, sink: Sink, place: StreamProgress
) -> None:
  url, stream = made["ws_url"], made["stream_id"]
  backoff = Backoff()
  logger = logging.getLogger("bond.listen")
  while True:
    came = place.events
    try:
      await _read(url, sink, place)
    except HandshakeRefused as exc:
      if place.epoch:
        # A server that was just started again may not have all its streams back yet.
        logger.warning("%s; coming back", exc)
        await trio.sleep(backoff.delay())
        continue
      message = f"{exc}: the broker is not at {url.partition('?')[0]}; see --ws-host of the server"
      raise Disconnected(message) from exc
    except Disconnected as exc:
      found = _CODE.search(str(exc))
      code = "" if found is None else found[1]
      if code.startswith("4") and code >= "4500":
        raise
      logger.warning("%s; coming back", exc)
      if code == _EXPIRED:
        with suppress(Disconnected):
          # Where the control plane is away, the old token is refused again, and so is tried again.
          url = (await _made(server, f"/v1/streams/{stream}/token", key, {}))["ws_url"]
    place.reconnects += 1
    if place.events > came:
      backoff.reset()
    await trio.sleep(backoff.delay())


async def _read(url: str, sink: Sink, place: StreamProgress) -> None:
  """Reads one connection to its end. Raises Disconnected."""
  if (resume := place.resume) is not None:
    url = f"{url}&from={quote(resume)}"
  async with open_websocket(url) as socket:
    while True:
      with trio.move_on_after(SILENCE) as silence:
        messages = await socket.receive()
      if silence.cancelled_caught:
        raise Disconnected(f"the server said nothing for {SILENCE:.0f} s")
      events = [event for message in messages if (event := _event(message)) is not None]
      for event in events:
        place.take(event)
      shown: Batch = [event for event in events if not isinstance(event, Heartbeat)]
      if shown:
        await sink.write(shown)


def _event(message: bytes) -> AnyEvent | None:
  """The event of a message; None for one that is about the connection only."""
  try:
    return decode(message)
  except msgspec.ValidationError:
    try:
      return _window.decode(b'{"type":"window",' + message[1:])
    except msgspec.ValidationError:
      return None
