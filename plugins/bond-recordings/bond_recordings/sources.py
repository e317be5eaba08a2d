"""Where exported events come from: a recording, a server's log on the disk, or a running server."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import attrs
import msgspec
import trio
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import last_digest, runs_of, segments_of

from bond_core import BondError, Registry
from bond_core.logs import Engine
from bond_core.packages import packages_with
from bond_core.specs import structure
from bond_core.websockets import open_websocket
from bond_recordings.lines import Picker, Reach, Selection, key_of, selected

LOG = "core.file"
_MARKET = ("market", "simulated%3Amarket")
"""The folders of the log of all events, of the venues and of simulators."""
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_AT_ONCE = 8192
_KEPT = {"keep": "366d", "size": "1000TiB"}
"""Reading a log drops nothing of it."""
_encode_lines = msgspec.json.Encoder().encode_lines
_OTHERS = ("system", "heartbeat", "pong")


@attrs.frozen
class Origin:
  """What is read: its events by batches of lines, and what a manifest says of it."""

  lines: AsyncIterator[list[bytes]]
  described: dict[str, Any]


@asynccontextmanager
async def open_recording(paths: list[Path], wanted: Selection) -> AsyncIterator[Origin]:
  """The events of a recording's segments. Where its recorder was started again, `epoch`, `spec` and
  `versions` are of the last run, and `runs` says those of each."""
  runs = runs_of(paths)
  header = runs[-1].header
  described = {
    "files": [path.name for path in paths],
    "recording": header.recording,
    "digest": last_digest(paths[-1]),
    "epoch": header.epoch,
    "stream_id": header.stream_id,
    "spec": header.spec,
    "versions": header.versions,
    "runs": [
      {
        "files": [path.name for path in run.paths],
        "epoch": run.header.epoch,
        "spec": run.header.spec,
        "versions": run.header.versions,
      }
      for run in runs
    ],
  }
  yield Origin(_in_thread(selected(paths, wanted)), described)


async def _in_thread(lines: Iterator[list[bytes]]) -> AsyncIterator[list[bytes]]:
  while (found := await trio.to_thread.run_sync(next, lines, None)) is not None:
    yield found


def recording_at(path: Path) -> list[Path] | None:
  """The segments of the recording at a path; None for a folder, which may hold a log. Raises
  RecordingError for anything else."""
  return None if path.is_dir() else segments_of(path)


def log_in(folder: Path) -> tuple[Path, str]:
  """The folder of logs and the name of the one that is meant: a log's own folder, or a server's
  (--data), where that of all events is. Raises RecordingError where there is none."""
  # A server with --sim has what is its own one folder down.
  bases = (folder, folder / "log", folder / "simulated" / "log")
  for found in (folder, *(base / name for base in bases for name in _MARKET)):
    note = found / "name"
    if note.is_file():
      return found.parent, note.read_text(encoding="utf-8")
  raise RecordingError(
    f"{folder} holds no log; name a recording, a server's folder (bond serve --data), or a log's "
    "own folder in it"
  )


@asynccontextmanager
async def open_log_folder(folder: Path, wanted: Selection) -> AsyncIterator[Origin]:
  """The events of a log on the disk that no server has open. Raises BondError where one has."""
  root, name = log_in(folder)
  log = Registry().log(LOG)
  if log.open is None:
    raise BondError(f"{LOG} stores nothing; pip install {packages_with('log')}")
  config, faults = structure({"path": str(root), **_KEPT}, log.config)
  if problems := [fault.message for fault in faults]:
    raise BondError("; ".join(problems))
  async with log.open(config, name) as engine:
    finished = engine.finished
    try:
      described = {"log": name, "epoch": engine.epoch}
      yield Origin(_of_engine(engine, wanted), described)
    finally:
      if finished:
        # Opening took the mark of its orderly end away.
        with trio.CancelScope(shield=True):
          await engine.finish()


async def _of_engine(engine: Engine, wanted: Selection) -> AsyncIterator[list[bytes]]:
  picker = Picker(wanted)
  at = engine.oldest
  while at <= engine.head and not picker.over:
    records = await engine.read(at, _AT_ONCE)
    if not records:
      return
    at = records[-1].last + 1
    found: list[bytes] = []
    for record in records:
      found += _encode_lines(record.events).splitlines()
    yield [line for _, line in picker.pick(found)]


@asynccontextmanager
async def open_server(url: str, wanted: Selection) -> AsyncIterator[Origin]:
  """What the log of a running server has, by replay over its WebSocket."""
  parts = urlsplit(url)
  if parts.scheme not in _SCHEMES or not parts.netloc:
    raise RecordingError(f"{url!r} is no URL of a server; write ws://localhost:8080")
  scheme = _SCHEMES[parts.scheme]
  path = parts.path if parts.path.rstrip("/") else "/raw"
  since = 0.0 if wanted.since is None else wanted.since / 1000
  query = "&".join(filter(None, (parts.query, urlencode({"from": f"{since:.3f}"}))))
  target = urlunsplit((scheme, parts.netloc, path, query, ""))
  async with open_websocket(target) as socket:
    described = {"url": urlunsplit((scheme, parts.netloc.rpartition("@")[2], path, "", ""))}
    yield Origin(_of_socket(socket, wanted), described)


async def _of_socket(socket: Any, wanted: Selection) -> AsyncIterator[list[bytes]]:
  reach = Reach()
  while True:
    lines: list[bytes] = []
    for frame in await socket.receive():
      line = bytes(frame)
      key = key_of(line)
      if key.type == "live":
        yield lines
        return
      if key.type == "error":
        raise BondError(f"the server says: {msgspec.json.decode(line).get('message')}")
      if key.type in _OTHERS:
        continue
      now = reach.of(key)
      if wanted.until is not None and now >= wanted.until:
        yield lines
        return
      if wanted.takes(key):
        lines.append(line)
    yield lines
