"""What the passes report besides the chunks: questions, rejections, warnings, notes,
assumptions."""

from dataclasses import dataclass, field
from typing import Any

from bond_english.text.chunks import Fact, How, Slot


@dataclass(slots=True)
class Findings:
  """Reports of the passes, each once.

  A question makes the outcome ask, a rejection reject, a warning warn; a note is part of the
  sentence and changes nothing. Assumptions are facts that no chunk states. A request is
  `confirmable` as long as leaving something out answers every question.
  """

  questions: list[str] = field(default_factory=list)
  rejections: list[str] = field(default_factory=list)
  warnings: list[str] = field(default_factory=list)
  notes: list[str] = field(default_factory=list)
  assumptions: list[Fact] = field(default_factory=list)
  confirmable: bool = True

  def ask(self, question: str, *, confirmable: bool = False) -> None:
    """Adds a question; `confirmable` where yes, leave it out, answers it."""
    self.confirmable = self.confirmable and confirmable
    if question not in self.questions:
      self.questions.append(question)

  def reject(self, reason: str) -> None:
    """Adds a reason why the request cannot be a stream."""
    if reason not in self.rejections:
      self.rejections.append(reason)

  def warn(self, warning: str) -> None:
    """Adds a warning about an assumption."""
    if warning not in self.warnings:
      self.warnings.append(warning)

  def note(self, note: str) -> None:
    """Adds a note for the sentence."""
    if note not in self.notes:
      self.notes.append(note)

  def assume(self, slot: Slot, value: Any, how: How) -> None:
    """Adds a fact that no chunk states."""
    self.assumptions.append((slot, value, how))
