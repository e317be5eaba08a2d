"""One reader of a node over all its connections: messages in, events and requests out. No I/O.

What a node announces is current only and ends with the connection (geth's documentation of
subscriptions), heads and logs come from different tasks of it, and neither is numbered. So heads
are linked by their parents' hashes, and what cannot be seen to be complete is read again:

- a head that does not fit: the blocks between are asked for, their logs as well;
- after a cut: the last block is asked for once the subscriptions stand, then the same;
- a message that cannot be read: the logs since the last block.

What comes twice is told once, by block, transaction and index of the log. A transfer is taken back
when the node says so, or when its block is not part of the chain any more, whichever is first.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from bond_core import Batch, Disconnected, Refused, RetryAfter
from bond_evm.abi import quantity
from bond_evm.backfill import Backfill, Range
from bond_evm.calls import Call, Calls, always, never
from bond_evm.chains import CHAINS
from bond_evm.config import Evm
from bond_evm.events import Writer
from bond_evm.messages import (
  UNREADABLE,
  Announced,
  Block,
  Error,
  Log,
  Message,
  read_block,
  read_log,
  read_logs,
  read_message,
  read_text,
)
from bond_evm.tip import KEPT, Moved, Tip, Wanted
from bond_evm.transfers import Transfers, filters_of

HEADS = "newHeads"
METHOD_NOT_FOUND = -32601

MAX_EARLY = 10_000
"""Announcements that overtook the answer to their subscription. More need not be kept: what was
before all subscriptions stood is read again."""


class Now(NamedTuple):
  """A moment: epoch ms, and seconds of a steady clock."""

  ms: int
  seconds: float


class Stream:
  """What came of a chain, and what is missing. Messages to send are in `outbox`. `live` tells
  whether the subscriptions of this connection stand; `unreadable` counts messages."""

  def __init__(self, config: Evm) -> None:
    self.outbox: list[bytes] = []
    self.live = False
    self.unreadable = 0
    self._config = config
    self._kinds = config.kinds
    self._filters = filters_of(config) if "transfer" in config.kinds else []
    self._write = Writer(config.chain, config.about)
    self._tip = Tip()
    self._times: dict[str, int] = {}
    self.transfers = Transfers(
      config,
      self._write,
      put=lambda event: self._out.append(event),
      ask=lambda call: self._calls.ask(call),
      now_ms=lambda: self._now.ms,
      hash_at=self._tip.hash_at,
      time_of=self._times.get,
    )
    self._backfill = Backfill(len(self._filters))
    self._silent: str | None = None
    # From this block on logs may be incomplete, and since when (epoch ms), and why.
    self._from: int | None = None
    self._since_ms = 0
    self._cause = ""
    self._cut = False
    # Of the connection.
    self._calls = Calls()
    self._subscribing = 0
    self._subscribed: dict[str, str] = {}
    self._early: deque[Announced] = deque(maxlen=MAX_EARLY)
    self._head_at = 0.0
    self._now = Now(0, 0.0)
    self._out: Batch = []

  @property
  def height(self) -> int | None:
    """The number of the last block."""
    return self._tip.number

  @property
  def whole(self) -> bool:
    """Whether all up to the last block has been told."""
    waits = self._tip.target is not None or self._from is not None or self.transfers.held
    return self.live and self._backfill.empty and not waits

  # Connections -----------------------------------------------------------------------------------

  def opened(self, now: Now) -> None:
    """A connection is open."""
    self._now, self._head_at = now, now.seconds
    self._calls = Calls()
    self._subscribed.clear()
    self._early.clear()
    self.outbox.clear()
    self.live = False
    if self._config.chain in CHAINS:
      self._ask("eth_chainId", [], self._is_of, self._not_subscribed, final=always)
    asks: list[list[Any]] = [[HEADS], *(["logs", entry] for entry in self._filters)]
    self._subscribing = len(asks)
    for params in asks:
      done = partial(self._subscribed_to, params[0])
      self._ask("eth_subscribe", params, done, self._not_subscribed, final=always)
    self.transfers.opened()
    self._send()

  def closed(self, cause: str, now: Now) -> None:
    """The connection has ended."""
    self._now = now
    self.live = False
    self._tip.lost()
    self._backfill.lost()
    self._suspect(cause)
    self._cut = self._tip.number is not None

  def ended(self, now: Now) -> Batch:
    """Reading ends for good: what was not read is declared."""
    self._now, self._out = now, []
    spans = [(entry.first, entry.last) for entry in self._backfill.give_up()]
    if self._from is not None:
      target = self._tip.target
      known = self._tip.number if target is None else target.number
      spans.append((self._from, max(self._from, known or 0)))
    if spans:
      cause = f"reading ended before this was read again: {self._cause}"
      self._gap(cause, min(first for first, _ in spans), max(last for _, last in spans))
    return self._out

  def _suspect(self, cause: str) -> None:
    """From the last block on something may be missing."""
    number = self._tip.number
    if number is None:
      return
    if self._from is None:
      self._since_ms, self._cause = self._now.ms, cause
    self._from = number if self._from is None else min(self._from, number)

  # Messages --------------------------------------------------------------------------------------

  def take(self, frames: list[bytes], now: Now) -> Batch:
    """The events that messages complete."""
    self._now, self._out = now, []
    for frame in frames:
      try:
        message = read_message(frame)
        if message.params is not None:
          self._announced(message.params)
        else:
          self._calls.answered(message, now.seconds)
      except UNREADABLE as exc:
        self._unread(exc)
    self._settle()
    return self._out

  def timer(self, now: Now) -> Batch:
    """What is due; called a few times a second. Raises Disconnected for a node that is dead."""
    self._now, self._out = now, []
    if now.seconds - self._head_at > self._config.quiet:
      raise Disconnected(f"the node announced no block for {self._config.quiet:g} s")
    if (method := self._calls.overdue(now.seconds)) is not None:
      raise Disconnected(f"the node did not answer {method}")
    self._settle()
    return self._out

  def _unread(self, exc: Exception) -> None:
    self.unreadable += 1
    cause = f"a message could not be read: {str(exc)[:200] or type(exc).__name__}"
    if self._tip.number is None:
      # There is no block yet from which to read again.
      self._gap(cause, None, None)
    self._suspect(cause)

  def _settle(self) -> None:
    for wanted in self._tip.wanted():
      self._fetch(wanted)
    self._read_on()
    self._send()

  def _send(self) -> None:
    self.outbox += self._calls.send(self._now.seconds)

  def _ask(
    self,
    method: str,
    params: list[Any],
    done: Callable[[Message], bool],
    failed: Callable[[Error], None],
    final: Callable[[Error], bool] = never,
  ) -> None:
    self._calls.ask(Call(method, params, done, failed, final))

  # Subscriptions ---------------------------------------------------------------------------------

  def _is_of(self, message: Message) -> bool:
    number, chain = quantity(read_text(message.result)), self._config.chain
    if number != CHAINS[chain].number:
      names = [name for name, known in CHAINS.items() if known.number == number]
      of = names[0] if names else f"the chain with the id {number}"
      instead = f", or write chain: {of}" if names else ""
      raise Refused(f"the node is of {of}, not of {chain}; name another one{instead}")
    return True

  def _subscribed_to(self, kind: str, message: Message) -> bool:
    self._subscribed[read_text(message.result)] = kind
    self._subscribing -= 1
    if not self._subscribing:
      # What happens from here on is announced, so this block joins what was before to it.
      self._ask("eth_getBlockByNumber", ["latest", False], self._latest, self._not_subscribed)
      for announced in [*self._early]:
        self._announced(announced)
      self._early.clear()
    return True

  def _not_subscribed(self, error: Error) -> None:
    if error.code == METHOD_NOT_FOUND:
      raise Refused(
        f"the node does not offer subscriptions: {error}; name the websocket (wss://…) of a node "
        "that does"
      )
    raise RetryAfter(5.0, f"the node did not subscribe: {error}")

  def _announced(self, announced: Announced) -> None:
    kind = self._subscribed.get(announced.subscription)
    if kind is None:
      if self._subscribing:
        self._early.append(announced)
      return
    if kind != HEADS:
      self.transfers.take(read_log(announced.result))
      return
    self._head_at = self._now.seconds
    block = read_block(announced.result)
    if block is None:
      raise ValueError("a head that is null")
    self._head(block)

  def _latest(self, message: Message) -> bool:
    block = read_block(message.result)
    if block is None:
      return False
    self.live = True
    if self._tip.number is None:
      self._silent = block.hash
      self._times[block.hash] = block.time
      self._tip.begin(block)
    elif self._tip.target is None or block.number > self._tip.target.number:
      self._linked_or_wait(block)
    if self._cut and self._tip.target is None:
      # Nothing new, and a node that is behind tells of what is known.
      self._relinked()
    return True

  # Blocks ----------------------------------------------------------------------------------------

  def _head(self, block: Block) -> None:
    """A block is announced. What it holds has to be asked for, where it is told."""
    if block.transactions is None and self._kinds & {"block", "metric"}:

      def counted(message: Message) -> bool:
        count = quantity(read_text(message.result))
        self._linked_or_wait(block._replace(transactions=count))
        return True

      method = "eth_getBlockTransactionCountByHash"
      self._ask(method, [block.hash], counted, lambda error: self._linked_or_wait(block))
    else:
      self._linked_or_wait(block)

  def _linked_or_wait(self, block: Block) -> None:
    number = self._tip.number
    self._times[block.hash] = block.time
    if number is not None and block.number > number + 1:
      if self._from is None:
        self._suspect(f"blocks from {number + 1} on were not announced")
      most = self._config.backfill
      # While blocks are being fetched others come, which is no reason to give those up.
      if block.number - number > most + (KEPT if self._tip.target else 0):
        self._leap(block.number - most, f"more than {most} blocks were missed: {self._cause}")
    self._moved(self._tip.head(block))

  def _leap(self, below: int, cause: str) -> None:
    """Blocks up to this one are given up."""
    first = below if self._from is None else self._from
    self._gap(cause, first, max(first, below))
    for block in self._tip.leap(below):
      self._block(block, removed=True)
    # Of what is below nobody knows any more whether it is part of the chain.
    self.transfers.forget(below + 1)
    self._from = below + 1

  def _fetch(self, wanted: Wanted) -> None:
    """Asks for a block between the last one and one that does not fit."""

    def done(message: Message) -> bool:
      block = read_block(message.result)
      if block is None or block.number != wanted.number or wanted.hash not in (None, block.hash):
        return False
      self._times[block.hash] = block.time
      self._tip.came(wanted)
      self._moved(self._tip.found(block))
      return True

    def failed(error: Error) -> None:
      self._give_up(f"block {wanted.number} is not to be had: {error}")

    if wanted.hash is None:
      self._ask("eth_getBlockByNumber", [hex(wanted.number), False], done, failed)
    else:
      self._ask("eth_getBlockByHash", [wanted.hash, False], done, failed)

  def _give_up(self, cause: str) -> None:
    """What is between the last block and the one that waits cannot be had."""
    target, number = self._tip.target, self._tip.number
    if target is None or number is None:
      return
    below = target.number - 1
    if below > number:
      # Logs may still be there: they are read as after any cut.
      first = self._from
      if self._kinds & {"block", "metric"}:
        self._gap(cause, number + 1, below)
      self._leap_quietly(below)
      self._from = number if first is None else first
    else:
      self._gap(f"{cause}; what it replaces is not known", target.number, target.number)
      self._leap_quietly(below)
    self._moved(self._tip.head(target))

  def _leap_quietly(self, below: int) -> None:
    for block in self._tip.leap(below):
      self._block(block, removed=True)

  def _moved(self, moved: Moved | None) -> None:
    """The chain goes on."""
    if moved is None:
      return
    number = self._tip.number or 0
    if moved.deep:
      low = moved.added[0].number
      self._gap(f"a reorganisation is deeper than {KEPT} blocks", low - 1, low - 1)
    for block in moved.removed:
      self._block(block, removed=True)
    self.transfers.take_back_strays(self._tip.hash_at)
    for block in moved.added:
      self._block(block)
    if moved.removed or len(moved.added) > 1:
      first = moved.added[0].number
      if self._from is None:
        self._since_ms, self._cause = self._now.ms, "the chain was reorganised"
      self._from = first if self._from is None else min(self._from, first)
    if self._from is not None:
      self._relinked()
    # What is to be read again must not be told again.
    again = number if self._backfill.first is None else self._backfill.first
    self.transfers.forget(min(number - KEPT, again, number if self._from is None else self._from))
    if len(self._times) > 4 * KEPT:
      for old in list(self._times)[: -2 * KEPT]:
        del self._times[old]

  def _relinked(self) -> None:
    """All blocks up to the last one are known: logs since the doubt began are read again."""
    number = self._tip.number
    if self._from is not None and number is not None and self.live:
      if self._filters:
        self._backfill.add(self._from, max(self._from, number))
      self.transfers.take_back_strays(self._tip.hash_at)
      self._from, self._cut = None, False

  def _block(self, block: Block, *, removed: bool = False) -> None:
    if removed and block.hash == self._silent:
      return
    if "block" in self._kinds:
      self._out.append(self._write.block(block, self._now.ms, removed=removed))
    if "metric" in self._kinds and not removed:
      self._out.append(self._write.metric(block, self._now.ms))

  def _gap(self, cause: str, first: int | None, last: int | None) -> None:
    since = self._since_ms if self._from is not None else self._now.ms
    self._out.append(self._write.gap(cause, since, self._now.ms, first, last))

  # Logs ------------------------------------------------------------------------------------------

  def _read_on(self) -> None:
    """Asks for the next range of logs that has to be read again."""
    if not self.live or (found := self._backfill.next(self._now.seconds)) is None:
      return
    entry = self._filters[found.filter]
    asked = entry | {"fromBlock": hex(found.first), "toBlock": hex(found.last)}
    done = partial(self._found_logs, found)
    self._ask("eth_getLogs", [asked], done, self._no_logs, final=always)

  def _found_logs(self, found: Range, message: Message) -> bool:
    try:
      logs = read_logs(message.result)
    except UNREADABLE as exc:
      self._no_logs(Error(0, f"the answer to eth_getLogs could not be read: {exc}"))
      return True
    self._backfill.done()
    # Where blocks could not be had, logs say which ones are part of the chain.
    said = {log.number: log.block for log in logs}
    self.transfers.take_back_strays(lambda number: self._tip.hash_at(number) or said.get(number))
    for log in logs:
      # A node may be on another branch; then the heads say so, and the logs are read once more.
      if found.first <= log.number <= found.last and self._is_ours(log) and not log.removed:
        self.transfers.take(log)
    return True

  def _is_ours(self, log: Log) -> bool:
    return self._tip.hash_at(log.number) in (None, log.block)

  def _no_logs(self, error: Error) -> None:
    lost = self._backfill.refused(error, self._now.seconds)
    if lost is not None:
      self._gap(f"logs of blocks cannot be read again: {error}", lost.first, lost.last)
