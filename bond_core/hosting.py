"""The engine, for programs that host specs themselves, as `bond serve` does."""

from bond_core._pipeline.pipeline import Pipeline
from bond_core._pipeline.sink_runner import SinkRunner
from bond_core._pipeline.stage import Stage
from bond_core._running import BRANCHES
from bond_core._simulators import (
  Simulators,
  log_name,
  open_simulators,
  pointed,
  simulator,
)
from bond_core._sources.manager import SourceManager, open_sources
from bond_core._sources.source import Source, SourceReader
from bond_core._watchdog import Watchdog

__all__ = [
  "BRANCHES",
  "Pipeline",
  "Simulators",
  "SinkRunner",
  "Source",
  "SourceManager",
  "SourceReader",
  "Stage",
  "Watchdog",
  "log_name",
  "open_simulators",
  "open_sources",
  "pointed",
  "simulator",
]
