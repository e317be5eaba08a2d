"""The same property for a chain of blocks, which replaces some of them: what is told and not taken
back is what the chain holds."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from bond_sim.evm.chain import EvmBlock, EvmChain

from bond_core import ChainEvent, Gap
from bond_core._sources.source import SourceReader
from tests.chaos.judge import Judge, Violation
from tests.chaos.truth import noting

GWEI = 10**9
FRESH = 2
"""Blocks at the tip whose events may still be under way."""

Place = tuple[str, str, int]
"""A transfer: its block, transaction and index."""


class ChainTruth:
  """The chain that a node has."""

  def __init__(self) -> None:
    self._chain: EvmChain | None = None

  @contextmanager
  def noted(self) -> Iterator[None]:
    """Takes the chain that is made while the block lasts."""
    with patch.object(EvmChain, "__init__", noting(EvmChain.__init__, self._made)):
      yield

  def _made(self, chain: EvmChain, *given: Any) -> None:
    self._chain = chain

  @property
  def chain(self) -> EvmChain:
    """Raises Violation where no node was started."""
    if self._chain is None:
      raise Violation(0, "there is no chain")
    return self._chain

  def transfer(self, place: Place) -> dict[str, Any] | None:
    """A transfer of any block that the node ever had."""
    block = self.chain.by_hash.get(place[0])
    rows = () if block is None else block.transfers
    return next((row for row in rows if _place(row) == place), None)


class ChainJudge(Judge):
  """Reads what was told. A log has no number, so one that the node itself did not send cannot be
  missed; `withheld` says which those are. Blocks are linked, and none can be missed."""

  def __init__(
    self, exchange: str, truth: ChainTruth, withheld: Iterable[bytes], *, numbered: bool
  ) -> None:
    super().__init__(exchange)
    self._truth = truth
    self._withheld = withheld
    self._kinds: set[str] = set()
    self._blocks: list[str] = []
    self._transfers: set[Place] = set()
    self._fees: set[str] = set()
    self._first: int | None = None
    self._gaps: list[tuple[int, int]] = []

  def follow(self, readers: list[SourceReader]) -> None:
    """Takes the kinds of events that each reader reads, which its name says."""
    for reader in readers:
      self._kinds |= set(reader.name.split("-"))

  def take(self, event: Any) -> None:
    if isinstance(event, Gap):
      self._gap(event)
    elif isinstance(event, ChainEvent):
      meta = event.meta or {}
      height = meta["height"]
      self._first = height if self._first is None else min(self._first, height)
      if event.kind == "transfer":
        self._transfer(event, meta)
      else:
        self._block(event, meta)

  def wrong(self, readers: list[SourceReader]) -> str | None:
    """What is missing, or was not taken back; None where all is told or declared."""
    if self._first is None:
      return "nothing was told"
    blocks = self._truth.chain.blocks
    held = [blocks[n] for n in sorted(blocks) if self._first < n <= max(blocks) - FRESH]
    for block in held:
      if not self._declared(block.number) and (missing := self._missing(block)):
        return missing
    canonical = {block.hash for block in blocks.values()}
    for place in self._transfers:
      if place[0] not in canonical and not self._declared(self._number(place[0])):
        return f"the transfer {place} is of a block that was replaced, and not taken back"
    for name in self._blocks:
      if name not in canonical and not self._declared(self._number(name)):
        return f"block {name} was replaced, and is not taken back"
    return None

  def _missing(self, block: EvmBlock) -> str | None:
    if "block" in self._kinds and block.hash not in self._blocks:
      return f"block {block.number} was not told"
    if "metric" in self._kinds and block.hash not in self._fees:
      return f"the fee of block {block.number} was not told"
    if "transfer" in self._kinds:
      for row in block.transfers:
        if _place(row) not in self._transfers and not self._told_off(row["txid"]):
          return f"the transfer {_place(row)} of block {block.number} was not told"
    return None

  # Events ----------------------------------------------------------------------------------------

  def _fail(self, sentence: str) -> None:
    raise Violation(self.at, sentence)

  def _gap(self, gap: Gap) -> None:
    tip = max(self._truth.chain.blocks)
    first = 0 if gap.venue_from is None else gap.venue_from
    self._gaps.append((first, tip if gap.venue_to is None else gap.venue_to))

  def _transfer(self, event: ChainEvent, meta: dict[str, Any]) -> None:
    place = meta["block"], meta["txid"], meta["log_index"]
    true = self._truth.transfer(place)
    if true is None:
      self._fail(f"the transfer {place} is none of the chain's")
      return
    told = {name: meta[name] for name in true}
    if told != true:
      self._fail(f"the transfer {told}, the chain's is {true}")
    if meta["status"] == "removed":
      if place not in self._transfers:
        self._fail(f"the transfer {place} is taken back, and was not told")
      self._transfers.discard(place)
    elif place in self._transfers:
      self._fail(f"the transfer {place} is told twice")
    else:
      self._transfers.add(place)

  def _block(self, event: ChainEvent, meta: dict[str, Any]) -> None:
    name = meta["hash"]
    true = self._truth.chain.by_hash.get(name)
    if true is None or (true.number, true.timestamp) != (meta["height"], meta["time"]):
      self._fail(f"block {name} of {meta['height']} is none of the chain's")
      return
    if event.kind == "metric":
      if event.value not in (None, true.base_fee / GWEI):
        self._fail(f"a fee of {event.value} in block {true.number}")
      self._fees.add(name)
      return
    if event.value not in (None, len(true.transactions)):
      self._fail(f"{event.value} transactions in block {true.number}")
    if meta["previous"] != true.parent:
      self._fail(f"block {true.number} follows {meta['previous']}, the chain's {true.parent}")
    if meta["status"] == "removed":
      if name not in self._blocks:
        self._fail(f"block {true.number} is taken back, and was not told")
      self._blocks.remove(name)
    elif name in self._blocks:
      self._fail(f"block {true.number} is told twice")
    else:
      before = self._blocks[-1] if self._blocks else None
      if before not in (None, true.parent) and not self._declared(true.number - 1):
        self._fail(f"block {true.number} does not follow the one that was told before it")
      self._blocks.append(name)

  # Questions -------------------------------------------------------------------------------------

  def _number(self, name: str) -> int:
    return self._truth.chain.by_hash[name].number

  def _declared(self, number: int) -> bool:
    return any(first <= number <= last for first, last in self._gaps)

  def _told_off(self, name: str) -> bool:
    wanted = name.encode()
    return any(wanted in message for message in self._withheld)


def _place(row: dict[str, Any]) -> Place:
  return row["block"], row["txid"], row["log_index"]
