"""The same property for venues whose events are items with an id: posts, transactions."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import trio
from bond_sim.bitcoin.generator import BitcoinGenerator
from bond_sim.bluesky.site import POST, BlueskySite
from bond_sim.x.matching import compile_rule
from bond_sim.x.site import XSite
from bond_x.rules import rule_of

from bond_core import ChainEvent, Gap, Post
from bond_core._sources.source import SourceReader
from tests.chaos.judge import Judge, Violation
from tests.chaos.truth import noting

QUERY = "bitcoin"
"""Of the posts of X that are read."""
_matches = compile_rule(rule_of("", QUERY, [], retweets=False))


class ItemTruth:
  """The ids of a venue's items in its own order, each with what it says ("" for nothing), and when
  it was there."""

  def __init__(self) -> None:
    self.items: dict[str, str] = {}
    self.since: list[float] = []

  @contextmanager
  def noted(self) -> Iterator[None]:
    """Notes what is written while the block lasts."""
    with ExitStack() as stack:
      for target, name, note in (
        (BlueskySite, "write", self._post),
        (BitcoinGenerator, "_change", self._change),
        (XSite, "write", self._x_post),
      ):
        stack.enter_context(patch.object(target, name, noting(getattr(target, name), note)))
      yield

  def _post(self, site: BlueskySite, *given: Any) -> None:
    post = site.written[-1]
    self._note(f"at://{post['did']}/{POST}/{post['rkey']}", post["text"])

  def _x_post(self, site: XSite, *given: Any) -> None:
    post = site.written[-1]
    if _matches(post):
      self._note(post["id"], post["text"])

  def _change(self, generator: BitcoinGenerator) -> None:
    for number in generator.log[-1][2]:
      self._note(number, "")

  def _note(self, name: str, text: str) -> None:
    self.items[name] = text
    self.since.append(trio.current_time())


class ItemJudge(Judge):
  """Reads what was told. Where items are `numbered` each loss shows; else one that the venue itself
  dropped cannot, and `withheld` says which those are. An item is told within `lag` s."""

  def __init__(
    self,
    exchange: str,
    truth: ItemTruth,
    withheld: Iterable[bytes],
    *,
    numbered: bool,
    lag: float = 0.0,
  ) -> None:
    super().__init__(exchange)
    self._truth = truth
    self._withheld = withheld
    self._numbered = numbered
    self._lag = lag
    self._places: dict[str, int] = {}
    self._told: set[int] = set()
    self._first: int | None = None
    self._declared = -1
    """Up to this place a gap covers what is missing."""

  def take(self, event: Any) -> None:
    if isinstance(event, Gap):
      self._declared = len(self._truth.items) - 1
    elif isinstance(event, Post):
      self._item(event.tweet_id or "", event.text)
    elif isinstance(event, ChainEvent) and event.kind == "tx":
      meta = event.meta or {}
      # What is taken back is no item of its own.
      if meta.get("status") != "removed":
        self._item(str(meta.get("txid")), "")

  def wrong(self, readers: list[SourceReader]) -> str | None:
    """What is missing; None where everything is told or declared."""
    until = trio.current_time() - self._lag
    since = self._truth.since
    names = [name for name, at in zip(self._truth.items, since, strict=True) if at <= until]
    if self._first is None:
      return "nothing was told" if names else None
    begun = False
    for place in range(max(self._first, self._declared + 1), len(names)):
      begun = begun or place in self._told
      # What a new connection drops before it brought a number does not show by numbers.
      shows = self._numbered and begun
      if place not in self._told and (shows or not self._told_off(names[place])):
        return f"{names[place]} was not told"
    return None

  def _item(self, name: str, text: str) -> None:
    for place, one in enumerate(list(self._truth.items)[len(self._places) :], len(self._places)):
      self._places[one] = place
    found = self._places.get(name)
    if found is None:
      raise Violation(self.at, f"{name} is none of the venue's")
    if text != self._truth.items[name] and not self._told_off(name):
      raise Violation(self.at, f"{name} says {text!r}, the venue's {self._truth.items[name]!r}")
    if found in self._told:
      raise Violation(self.at, f"{name} is told twice")
    self._told.add(found)
    self._first = found if self._first is None else min(found, self._first)

  def _told_off(self, name: str) -> bool:
    wanted = name.rpartition("/")[2].encode()
    return any(wanted in message for message in self._withheld)
