"""The ledger of decisions: each is written before what came of it may be read."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import Header, suffix_of
from bond_recordkit.reader import header_of
from bond_recordkit.signing import Signer
from bond_recordkit.sink import versions
from bond_recordkit.writer import RecordingWriter

from bond_core import BondError, Custom, encode

MOST_BYTES = 64 * 1024
MOST = 100_000
_NAME = "decisions on "


def check_ledger(path: Path) -> None:
  """Raises RecordingError where decisions cannot go into this file: it is called otherwise than a
  recording, or has something else in it, which they would stand among."""
  if not suffix_of(path.name):
    raise RecordingError(f"{path}: a ledger is a recording, and is called NAME.jsonl.zst")
  if path.exists() and path.stat().st_size and not header_of(path).name.startswith(_NAME):
    raise RecordingError(f"{path} is no ledger; give it a name of its own")


class Ledger:
  """Decisions in order, each with what was known: the position and the time of the replay, and the
  SHA-256 of the entry before. With a path they are a recording of their own, which `bond verify`
  proves."""

  def __init__(self, path: Path | None, of: Header, signer: Signer | None = None) -> None:
    self.count = 0
    self._before = ""
    self._writer: RecordingWriter | None = None
    if path is not None:
      head = Header(recording="", name=f"{_NAME}{of.name}", epoch=of.epoch, versions=versions())
      self._writer = RecordingWriter(path, lambda: head, signer=signer)

  def add(self, decision: Any, position: str, now_ms: int) -> dict[str, Any]:
    """Appends a decision; it is with the operating system when this returns. Raises BondError for
    one that is too large, or where nothing more can be written."""
    data = msgspec.json.encode(decision)
    if len(data) > MOST_BYTES:
      raise BondError(f"a decision has up to {MOST_BYTES} bytes")
    if self.count >= MOST:
      raise BondError(f"a ledger has up to {MOST} decisions")
    entry = {
      "number": self.count + 1,
      "decision": decision,
      "known": position,
      "now_ms": now_ms,
      "before": self._before,
    }
    event = Custom(
      exchange="decisions", symbol="", event_type="decision", data=entry, ts_event=now_ms
    )
    event.seq_internal = self.count + 1
    if self._writer is not None:
      try:
        self._writer.write([encode(event)], [event.seq_internal], [now_ms])
      except OSError as exc:
        raise BondError(f"the ledger cannot be written: {exc.strerror}") from exc
    self._before = hashlib.sha256(msgspec.json.encode(entry)).hexdigest()
    self.count += 1
    return {**entry, "sha256": self._before}

  def close(self) -> None:
    """Ends the file."""
    if self._writer is not None:
      self._writer.close()
