"""Conformance: what components must do, as tests that a plugin inherits in three lines.

It needs pytest; nothing of it is imported at run time. docs/write-a-plugin.md shows each class.
"""

from bond_core._event_checks import Unchanged, check_events, problem_of
from bond_core.testing._components import ComponentConformance, configured
from bond_core.testing._events_of import EventsOf, events_of
from bond_core.testing._feeds import FeedConformance
from bond_core.testing._logs import LogConformance
from bond_core.testing._recording import recording
from bond_core.testing._samples import START_MS, sample_events
from bond_core.testing._sessions import RecordingMember, SessionConformance
from bond_core.testing._sinks import SinkConformance
from bond_core.testing._sources import SourceConformance
from bond_core.testing._transforms import TransformConformance

__all__ = [
  "START_MS",
  "ComponentConformance",
  "EventsOf",
  "FeedConformance",
  "LogConformance",
  "RecordingMember",
  "SessionConformance",
  "SinkConformance",
  "SourceConformance",
  "TransformConformance",
  "Unchanged",
  "check_events",
  "configured",
  "events_of",
  "problem_of",
  "recording",
  "sample_events",
]
