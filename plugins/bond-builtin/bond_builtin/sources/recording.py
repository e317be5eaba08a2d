"""core.jsonl as a source: plays a recording again."""

import gzip
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import attrs
import msgspec
import trio
from bond_recordkit.format import is_meta
from bond_recordkit.zstd import ZstdError, open_zstd

from bond_core import EVENT_TYPES, Batch, Out, Refused, SourceContext, SourceType, Window, decode

logger = logging.getLogger("bond.core")

LINES = 1000
MAX_LINE_BYTES = 16 * 1024 * 1024


@attrs.frozen
class Recording:
  """Which files, in order, and how fast: 1 is the pace at which they were recorded, 0 is as fast as
  the readers take it. With `windows: false` recorded windows are left out: for a spec that makes
  its own from the same events."""

  path: str | list[str]
  speed: float = attrs.field(default=0.0)
  windows: bool = True

  def missing(self) -> str | None:
    """The recordings that are not there; None where all are."""
    paths = [self.path] if isinstance(self.path, str) else self.path
    gone = [path for path in paths if not Path(path).is_file()]
    return f"there is no recording {', '.join(gone)}" if gone else None

  @speed.validator
  def _check_speed(self, _: object, value: float) -> None:
    if not 0 <= value <= 100_000:
      raise ValueError("speed is 0 (as fast as possible) or a factor up to 100000")


async def play(config: Recording, out: Out, ctx: SourceContext) -> None:
  """Sends what was recorded, in its order, with its own times."""
  first_ms: int | None = None
  began = trio.current_time()
  for path in [config.path] if isinstance(config.path, str) else config.path:
    with await trio.to_thread.run_sync(_open, path) as file:
      line = 0
      while lines := await trio.to_thread.run_sync(_lines, path, file):
        batch = _decode(path, line, lines)
        line += len(lines)
        if not config.windows:
          batch = [event for event in batch if not isinstance(event, Window)]
        if not config.speed:
          await out.send(batch)
          continue
        for part in _moments(batch):
          at_ms = getattr(part[0], "ts_event", None)
          if at_ms:
            first_ms = at_ms if first_ms is None else first_ms
            await trio.sleep_until(began + (at_ms - first_ms) / 1000 / config.speed)
          await out.send(part)


def _open(path: str) -> BinaryIO:
  try:
    if path.endswith(".zst"):
      return open_zstd(path, "rb")  # type: ignore[return-value]
    if path.endswith(".gz"):
      return gzip.open(path, "rb")  # type: ignore[return-value]
    return Path(path).open("rb")
  except OSError as exc:
    raise Refused(f"cannot read the recording {path}: {exc.strerror}") from exc


def _lines(path: str, file: BinaryIO) -> list[bytes]:
  lines: list[bytes] = []
  left = MAX_LINE_BYTES
  try:
    while left > 0 and len(lines) < LINES and (line := file.readline(MAX_LINE_BYTES)):
      lines.append(line)
      left -= len(line)
  except EOFError:
    # Its recorder was killed, or still writes.
    logger.warning("%s ends within a frame; what is whole before it was read", path)
  except (OSError, ZstdError) as exc:
    raise Refused(f"{path} is damaged: {exc}") from exc
  return lines


def _decode(path: str, before: int, lines: list[bytes]) -> Batch:
  batch: Batch = []
  for number, line in enumerate(lines, before + 1):
    if not line.strip() or is_meta(line):
      continue
    try:
      batch.append(decode(line))
    except msgspec.DecodeError as exc:
      raise Refused(
        f"{path}:{number}: not an event: {exc}; a recording holds one event a line, as core.jsonl "
        "and `bond run --json` write them"
      ) from exc
  return batch


def _moments(batch: Batch) -> Iterator[Batch]:
  """The batch in parts of equal receive time."""
  part: Batch = []
  for event in batch:
    now = getattr(event, "ts_event", None)
    if part and now is not None and now != getattr(part[0], "ts_event", now):
      yield part
      part = []
    part.append(event)
  if part:
    yield part


TYPE = SourceType(
  name="core.jsonl",
  summary="A recording of bond record, bond run --json or the sink core.jsonl; plain or packed.",
  config=Recording,
  emits=tuple(EVENT_TYPES.values()),
  run=play,
  replay=True,
  example="{path: btc.jsonl.zst, speed: 10}",
)
