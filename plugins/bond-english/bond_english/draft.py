"""A request while it is being understood: its marks, and what has to be asked or told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bond_english.marks import EXACT, FILLER, KIND, UNKNOWN, Mark
from bond_english.tokens import Token


@dataclass(slots=True)
class Draft:
  """`questions` make the outcome ask, `rejections` reject, `warnings` warn; `notes` are told and
  change nothing. `words` are those of the installed sources. It is `confirmable` as long as every
  question can be answered by leaving something out."""

  text: str
  tokens: Sequence[Token]
  marks: list[Mark]
  words: Mapping[str, str]
  questions: list[str] = field(default_factory=list)
  rejections: list[str] = field(default_factory=list)
  warnings: list[str] = field(default_factory=list)
  notes: list[str] = field(default_factory=list)
  assumed: list[tuple[str, Any, str]] = field(default_factory=list)
  confirmable: bool = True

  def of(self, *slots: str) -> list[Mark]:
    """The marks of these roles that count."""
    return [mark for mark in self.marks if mark.slot in slots and not mark.left_out]

  def kinds(self) -> set[str]:
    """Every kind of data asked for."""
    return {kind for mark in self.of(KIND) for kind in mark.value}

  def word(self, mark: Mark) -> str:
    """The first word of a mark, as it is looked up."""
    return self.tokens[mark.first].word

  def written(self, mark: Mark) -> str:
    """A mark's piece of the text."""
    return self.text[self.tokens[mark.first].start : self.tokens[mark.last - 1].end]

  def before(self, number: int, *, over: tuple[str, ...] = ()) -> Mark | None:
    """The mark before the one of this number; those of the roles `over` do not count."""
    return next((m for m in reversed(self.marks[:number]) if m.slot not in over), None)

  def after(self, number: int, *, over: tuple[str, ...] = ()) -> Mark | None:
    """The mark behind the one of this number."""
    return next((m for m in self.marks[number + 1 :] if m.slot not in over), None)

  def numbered(self, *slots: str) -> Iterator[tuple[int, Mark]]:
    """The marks of these roles with their numbers; roles may change on the way."""
    for number, mark in enumerate(self.marks):
      if mark.slot in slots and not mark.left_out:
        yield number, mark

  def ask(self, question: str, *, leave_out: bool = False) -> None:
    """Notes a question, once; with `leave_out` yes is an answer to it."""
    self.confirmable = self.confirmable and leave_out
    if question not in self.questions:
      self.questions.append(question)

  def warn(self, warning: str) -> None:
    """Notes a warning, once."""
    if warning not in self.warnings:
      self.warnings.append(warning)

  def note(self, note: str) -> None:
    """Notes what has to be told, once."""
    if note not in self.notes:
      self.notes.append(note)

  def ignore(self, mark: Mark) -> None:
    """Takes a mark for words that say nothing."""
    mark.slot, mark.value, mark.how = FILLER, None, EXACT
    mark.facts = []

  def give_up(self, mark: Mark) -> None:
    """Takes a mark for something that is not understood."""
    mark.slot, mark.value, mark.how = UNKNOWN, (), EXACT
    mark.facts = []
