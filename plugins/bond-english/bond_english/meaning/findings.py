"""What the passes report besides the chunks: questions, rejections, warnings, notes,
assumptions."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bond_english.text.chunks import Fact, How, Slot

Edit: TypeAlias = tuple[int, int, str]
"""The tokens from a first one up to an end, and the words to say in their place."""

Answer: TypeAlias = tuple[Edit, ...]


@dataclass(slots=True)
class Findings:
  """Reports of the passes, each once.

  A question makes the outcome ask, a rejection reject, a warning warn; a note is part of the
  sentence and changes nothing. Assumptions are facts that no chunk states. `answers` are, for each
  question that has some, what to change in the request to answer it.
  """

  questions: list[str] = field(default_factory=list)
  rejections: list[str] = field(default_factory=list)
  warnings: list[str] = field(default_factory=list)
  notes: list[str] = field(default_factory=list)
  assumptions: list[Fact] = field(default_factory=list)
  answers: dict[str, list[Answer]] = field(default_factory=dict)

  def ask(self, question: str, *answers: Answer) -> None:
    """Adds a question, and what would answer it."""
    if question not in self.questions:
      self.questions.append(question)
      self.answers[question] = list(answers)

  @property
  def leaves_out(self) -> bool:
    """Whether leaving something out answers every question, and nothing else does."""
    return all(
      len(found) == 1 and not any(words for _, _, words in found[0])
      for found in self.answers.values()
    )

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
