"""Logs: what an engine must do to keep one, and the log with an engine behind it."""

from bond_core._logs.durable import DurableLog, open_log
from bond_core._logs.engine import Engine, EngineError, Record, SharedEngine
from bond_core._logs.memory import Cursor, MemoryLog
from bond_core._logs.ring import RingSize

__all__ = [
  "Cursor",
  "DurableLog",
  "Engine",
  "EngineError",
  "MemoryLog",
  "Record",
  "RingSize",
  "SharedEngine",
  "open_log",
]
