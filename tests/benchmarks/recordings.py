"""Recordings: what recording costs of a processor, and how fast they are exported and loaded,
beside what pandas and polars do with the same lines.

The events are those of the log on the disk: trades, quotes and books of four markets. Recording is
measured as the sink does it, in batches of 20 ms at 50,000 events a second, with the processor time
of the process, compression and digests included.
"""

import io
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import kk0
import pandas
import polars
import trio
from bond_recordings.exporting.parquet import ParquetFiles
from bond_recordkit.reader import event_lines
from bond_recordkit.sink import open_recording_sink
from bond_recordkit.verify import verify

from bond_core import Batch, SinkContext, SystemClock
from tests.benchmarks.file_log import market

EVENTS = 200_000
PER_SECOND = 50_000
BATCH = PER_SECOND // 50


def run() -> dict[str, Any]:
  """Recording, as a share of one processor at 50,000 events a second."""
  events = market(EVENTS)
  with tempfile.TemporaryDirectory(prefix="bond-bench-") as folder:
    path = Path(folder) / "market.jsonl.zst"
    seconds = trio.run(_record, events, path)
    plain = _plain(path)
    trades = [line for line in plain if line.startswith(b'{"type":"trade"')]
    return {
      "value": round(100 * seconds / EVENTS * PER_SECOND, 1),
      "unit": "% of a processor at 50,000 events/s",
      "bytes_an_event": round(path.stat().st_size / EVENTS, 1),
      "events_per_second": {
        "verify": _rate(EVENTS, lambda: verify([path])),
        "export to Parquet": _rate(EVENTS, lambda: _export(plain, Path(folder) / "out")),
      },
      "trades_per_second_loaded": {
        "kk0.frame of the recording": _rate(len(trades), lambda: kk0.frame(path, "trades")),
        "kk0.frame of Parquet": _rate(len(trades), lambda: kk0.frame(Path(folder) / "out")),
        "polars.read_ndjson of the trades alone": _rate(
          len(trades), lambda: polars.read_ndjson(io.BytesIO(b"\n".join(trades)))
        ),
        "pandas.read_json of the trades alone": _rate(
          len(trades), lambda: pandas.read_json(io.BytesIO(b"\n".join(trades)), lines=True)
        ),
      },
    }


async def _record(events: Batch, path: Path) -> float:
  """The processor time that recording takes, all threads together."""
  log = logging.LoggerAdapter(logging.getLogger("bond"))
  ctx = SinkContext("sinks.recording", SystemClock(), log)
  batches = [events[first : first + BATCH] for first in range(0, len(events), BATCH)]
  began = time.process_time()
  async with open_recording_sink(path, ctx, once=True) as sink:
    for batch in batches:
      await sink.write(batch)
  return time.process_time() - began


def _plain(path: Path) -> list[bytes]:
  return [line for part in event_lines([path]) for line in part.lines]


def _export(lines: list[bytes], folder: Path) -> None:
  files = ParquetFiles(folder)
  files.add(lines)
  files.close()
  files.discard()


def _rate(count: int, work: Any) -> int:
  began = time.perf_counter()
  work()
  return round(count / (time.perf_counter() - began))


if __name__ == "__main__":
  print(run(), file=sys.stdout)
