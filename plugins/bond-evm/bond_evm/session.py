"""The session of one source with its node, over all connections: messages in, events and requests
out. No I/O.

What a node announces is current only and ends with the connection (geth's documentation of
subscriptions), heads and logs come from different tasks of it, and neither is numbered. So heads
are linked by their parents' hashes, and what may be incomplete is read again:

- a head that does not fit: the blocks between are requested, and their logs;
- after a cut: the last block is requested once the subscriptions stand, then the same;
- a message that cannot be decoded: the logs since the last block.

Transfers of the chain's own currency are in the blocks' transactions: see native.py.

Each log is sent once, by block, transaction and index. A transfer is retracted when the node
removes its log, or when its block is not part of the chain any more, whichever is first.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bond_core import Batch, BondError, Disconnected, Instrument, Refused, RetryAfter
from bond_core.feeds import Handshake, Moment, Subscription, own_words, retry_after
from bond_core.sessions import Member, Session
from bond_core.websockets import HandshakeRefused
from bond_evm.abi import quantity
from bond_evm.backfill import CHECKED, Backfill, Range
from bond_evm.calls import Call, Calls, always, never
from bond_evm.chains import CHAINS
from bond_evm.config import Evm, Node
from bond_evm.events import EventWriter
from bond_evm.messages import (
  UNREADABLE,
  Block,
  Error,
  Log,
  Message,
  Notification,
  read_block,
  read_log,
  read_logs,
  read_message,
  read_text,
)
from bond_evm.native import NativeTransfers
from bond_evm.tip import DEPTH, BlockRequest, ChainUpdate, Tip
from bond_evm.transfers import Transfers, filters_of

HEADS = "newHeads"
METHOD_NOT_FOUND = -32601

MAX_EARLY = 10_000
"""Notifications that overtook the answer to their subscription. More need not be kept: everything
before all subscriptions stood is read again."""


HINTS = {
  **dict.fromkeys((401, 403), "look at the key in its URL (EVM_ENDPOINT, or url in the spec)"),
  **dict.fromkeys((404, 405), "name its websocket, such as wss://HOST/ws"),
}
"""What helps where a node that never worked refuses the websocket, by HTTP status."""


class EvmSession(Session[Handshake, bytes, bytes]):
  """The session of one source. It is live as soon as its subscriptions stand; `unreadable` counts
  messages."""

  name = "the node"
  tick = 0.25
  resumes = True

  def __init__(self, config: Evm, node: Node) -> None:
    super().__init__()
    self.live = False
    self.unreadable = 0
    self._node = node
    self._config = config
    self._kinds = config.kinds
    self._filters = filters_of(config) if config.sends_tokens else []
    self._writer = EventWriter(config.chain, config.default_symbol)
    self._tip = Tip()
    self._times: dict[str, int] = {}
    self.transfers = Transfers(
      config,
      self._writer,
      emit=lambda event: self._out.append(event),
      request=lambda call: self._calls.add(call),
      now_ms=lambda: self._now.ts_ms,
      hash_at=self._tip.hash_at,
      time_of=self._times.get,
    )
    self.native = self._native_transfers()
    # What is made of blocks themselves: of blocks that are given up it is missing.
    self._of_blocks = bool(config.kinds & {"block", "metric"}) or self.native is not None
    self._backfill = Backfill(len(self._filters))
    self._silent: str | None = None
    # From this block on logs may be incomplete, and since when (epoch ms), and why.
    self._from: int | None = None
    self._since_ms = 0
    self._cause = ""
    # What readers were told of logs that the node refuses.
    self._waits_for: str | None = None
    self._logs = Subscription("chain", Instrument(config.chain, None, "*"))
    # The first block of logs that came while no block was known.
    self._heard: int | None = None
    # Of the connection.
    self._verifying = False
    self._calls = Calls()
    self._subscribing = 0
    self._subscribed: dict[str, str] = {}
    self._early: deque[Notification] = deque(maxlen=MAX_EARLY)
    self._head_at = 0.0
    self._now = Moment(0, 0)
    self._out: Batch = []

  def _native_transfers(self) -> NativeTransfers | None:
    symbol = self._config.native
    if symbol is None:
      return None
    return NativeTransfers(
      self._config,
      symbol,
      self._writer,
      emit=lambda event: self._out.append(event),
      request=lambda call: self._calls.add(call),
      lost=lambda block, cause: self._gap(cause, block.number, block.number),
      now_ms=lambda: self._now.ts_ms,
    )

  @property
  def height(self) -> int | None:
    """The number of the last block."""
    return self._tip.number

  @property
  def whole(self) -> bool:
    """Whether everything up to the last block has been sent."""
    waits = self._tip.target is not None or self._from is not None or self.transfers.waiting
    waits = waits or (self.native is not None and bool(self.native.waiting))
    return self.live and self._backfill.empty and not waits

  @property
  def _seconds(self) -> float:
    """Seconds of a steady clock."""
    return self._now.mono_ns / 1e9

  # What the core calls ---------------------------------------------------------------------------

  def target(self, now: Moment) -> Handshake:
    return Handshake(self._node.url, allowance=self._node.allowance)

  def on_open(self, now: Moment) -> None:
    self._now = now
    self._head_at = self._seconds
    self._calls = Calls()
    self._subscribed.clear()
    self._early.clear()
    self._verifying = False
    self.live = False
    if self._config.chain in CHAINS:
      self._call("eth_chainId", [], self._on_chain_id, self._on_not_subscribed, final=always)
    requests: list[list[Any]] = [[HEADS], *(["logs", entry] for entry in self._filters)]
    self._subscribing = len(requests)
    for params in requests:
      done = partial(self._on_subscribed, params[0])
      self._call("eth_subscribe", params, done, self._on_not_subscribed, final=always)
    self.transfers.opened()
    if self.native is not None:
      self.native.opened()
    self._send()

  def on_messages(self, messages: Sequence[bytes], now: Moment) -> None:
    self._now = now
    try:
      for data in messages:
        self._read(data)
      self._settle()
    finally:
      # Also where a message ends the connection: what came before it counts.
      self._give()

  def on_timer(self, now: Moment) -> None:
    self._now = now
    if self._seconds - self._head_at > self._config.max_silence:
      raise Disconnected(f"the node announced no block for {self._config.max_silence:g} s")
    if (method := self._calls.overdue(self._seconds)) is not None:
      raise Disconnected(f"the node did not answer {method}")
    self._settle()
    self._give()

  def on_close(self, error: BondError, now: Moment) -> float | None:
    self._now = now
    self.live = False
    self._tip.disconnected()
    self._backfill.disconnected()
    self._suspect(str(error))
    return self._wait_after(error) if isinstance(error, HandshakeRefused) else None

  def on_leave(self, member: Member, now: Moment) -> None:
    self._now = now
    spans = [(entry.first, entry.last) for entry in self._backfill.give_up()]
    waiting = [] if self.native is None else [block.number for block in self.native.waiting]
    if waiting:
      self._gap("reading ended before the transactions had come", waiting[0], waiting[-1])
    if self._from is not None:
      target = self._tip.target
      known = self._tip.number if target is None else target.number
      spans.append((self._from, max(self._from, known or 0)))
    if spans:
      cause = f"reading ended before this was read again: {self._cause}"
      self._gap(cause, min(first for first, _ in spans), max(last for _, last in spans))
    batch, self._out = self._out, []
    member.give(batch)

  def _give(self) -> None:
    batch, self._out = self._out, []
    for member in self.members:
      if batch:
        member.give(batch)
      elif self.live:
        member.live()

  def _wait_after(self, error: HandshakeRefused) -> float | None:
    """Returns the seconds to wait after an answer of HTTP, None for the usual back-off. A node that
    never worked gets a hint. The URL is not repeated, since it may hold a key."""
    if error.status == 429:
      return retry_after(error.headers) or 30.0
    hint = HINTS.get(error.status)
    if self.height is None and hint is not None:
      for member in self.members:
        member.log.warning("%s; %s", str(error).replace("the server", "the node"), hint)
    return None

  def _suspect(self, cause: str) -> None:
    """From the last block on something may be missing; where none is known yet, from that of the
    first log."""
    number = self._heard if self._tip.number is None else self._tip.number
    if number is None:
      return
    if self._from is None:
      self._since_ms, self._cause = self._now.ts_ms, cause
    self._from = number if self._from is None else min(self._from, number)

  # Messages --------------------------------------------------------------------------------------

  def _read(self, data: bytes) -> None:
    try:
      message = read_message(data)
      if message.params is not None:
        self._on_notification(message.params)
      elif message.id is None and message.error is None:
        raise ValueError("it is neither an answer nor a notification")
      else:
        self._calls.answered(message, self._seconds)
    except UNREADABLE as exc:
      self._undecodable(exc)

  def _undecodable(self, exc: Exception) -> None:
    self.unreadable += 1
    cause = f"a message could not be read: {str(exc)[:200] or type(exc).__name__}"
    if self._tip.number is None:
      # There is no block yet from which to read again.
      self._gap(cause, None, None)
    self._suspect(cause)

  def _settle(self) -> None:
    for request in self._tip.missing():
      self._fetch(request)
    self._request_logs()
    self._send()

  def _send(self) -> None:
    self.requests.extend(self._calls.send(self._seconds))

  def _call(
    self,
    method: str,
    params: list[Any],
    done: Callable[[Message], bool],
    failed: Callable[[Error], None],
    final: Callable[[Error], bool] = never,
  ) -> None:
    self._calls.add(Call(method, params, done, failed, final))

  # Subscriptions ---------------------------------------------------------------------------------

  def _on_chain_id(self, message: Message) -> bool:
    number, chain = quantity(read_text(message.result)), self._config.chain
    if number != CHAINS[chain].number:
      names = [name for name, known in CHAINS.items() if known.number == number]
      of = names[0] if names else f"the chain with the id {number}"
      instead = f", or write chain: {of}" if names else ""
      raise Refused(f"the node is of {of}, not of {chain}; name another one{instead}")
    return True

  def _on_subscribed(self, kind: str, message: Message) -> bool:
    self._subscribed[read_text(message.result)] = kind
    self._subscribing -= 1
    if not self._subscribing:
      # What happens from here on is announced, so this block joins what was before to it.
      self._call(
        "eth_getBlockByNumber", ["latest", False], self._on_latest, self._on_not_subscribed
      )
      for notification in [*self._early]:
        self._on_notification(notification)
      self._early.clear()
    return True

  def _on_not_subscribed(self, error: Error) -> None:
    if error.code == METHOD_NOT_FOUND:
      raise Refused(
        f"the node does not offer subscriptions: {error}; name the websocket (wss://…) of a node "
        "that does"
      )
    raise RetryAfter(5.0, f"the node did not subscribe: {error}")

  def _on_notification(self, notification: Notification) -> None:
    kind = self._subscribed.get(notification.subscription)
    if kind is None:
      if not self._subscribing:
        raise ValueError("it is a notification of no subscription")
      self._early.append(notification)
      return
    if kind != HEADS:
      log = read_log(notification.result)
      if self._tip.number is None:
        self._heard = log.number if self._heard is None else min(self._heard, log.number)
      self.transfers.take(log)
      return
    self._head_at = self._seconds
    block = read_block(notification.result)
    if block is None:
      raise ValueError("a head that is null")
    self._head(block)

  def _on_latest(self, message: Message) -> bool:
    block = read_block(message.result)
    if block is None:
      return False
    self.live = True
    if self._tip.number is None:
      self._silent = block.hash
      self._times[block.hash] = block.time
      self._joined(block.number)
      self._tip.begin(block)
    elif self._tip.target is None or block.number > self._tip.target.number:
      self._linked_or_wait(block)
    if self._from is not None and self._tip.target is None:
      # Nothing new; a node that is behind announces blocks that are known.
      self._relinked()
    return True

  # Blocks ----------------------------------------------------------------------------------------

  def _joined(self, number: int) -> None:
    """The chain is known from this number on. Where an earlier connection brought logs and no
    block, what lies between is read again as far as it may be."""
    first = self._from
    if first is None:
      return
    below = number - self._config.backfill
    if self._of_blocks:
      self._gap(self._cause, first, max(first, number))
    elif below >= first:
      self._gap(self._cause, first, below)
    self._from = max(first, below + 1)

  def _head(self, block: Block) -> None:
    """A block is announced. The number of its transactions is requested where it is sent."""
    number = self._tip.number
    if number is not None and block.number - number > self._most:
      self._verify(block)
    elif block.transactions is None and self._kinds & {"block", "metric"}:

      def counted(message: Message) -> bool:
        count = quantity(read_text(message.result))
        self._linked_or_wait(block._replace(transactions=count))
        return True

      method = "eth_getBlockTransactionCountByHash"
      self._call(method, [block.hash], counted, lambda error: self._linked_or_wait(block))
    else:
      self._linked_or_wait(block)

  @property
  def _most(self) -> int:
    """Blocks after the last one that are fetched at most. While they are being fetched others come,
    which is no reason to give those up."""
    return self._config.backfill + (DEPTH if self._tip.target else 0)

  def _verify(self, block: Block, give_up: str = "") -> None:
    """A block is said to be far ahead, or what is before it cannot be had. Its number alone is no
    reason to give up what comes first: that the node has come so far is."""
    if self._verifying:
      return
    self._verifying = True

    def done(message: Message) -> bool:
      last = read_block(message.result)
      if last is None:
        return False
      self._verifying = False
      if last.number < block.number:
        self._tip.refuse()
        what = f"a head with the number {block.number}, where the last block is {last.number}"
        self._undecodable(ValueError(what))
      elif give_up:
        self._give_up(give_up)
      self._linked_or_wait(last)
      return True

    def failed(error: Error) -> None:
      self._verifying = False
      if give_up:
        # It refuses everything now: what is missing is requested again.
        self._tip.disconnected()
      else:
        self._undecodable(ValueError(f"a head with the number {block.number}: {error}"))

    self._call("eth_getBlockByNumber", ["latest", False], done, failed)

  def _linked_or_wait(self, block: Block) -> None:
    number = self._tip.number
    self._times[block.hash] = block.time
    if number is None:
      self._joined(block.number - 1)
    if number is not None and block.number > number + 1:
      if self._from is None:
        self._suspect(f"blocks from {number + 1} on were not announced")
      most = self._config.backfill
      if block.number - number > self._most:
        self._leap(block.number - most, f"more than {most} blocks were missed: {self._cause}")
    self._moved(self._tip.head(block))

  def _leap(self, below: int, cause: str) -> None:
    """Blocks up to this one are given up."""
    first = below if self._from is None else self._from
    self._gap(cause, first, max(first, below))
    for block in self._tip.leap(below):
      self._block(block, removed=True)
    # Whether a block below is part of the chain is not known any more.
    self.transfers.forget(below + 1)
    self._from = below + 1

  def _fetch(self, request: BlockRequest) -> None:
    """Requests a block between the last one and one that does not fit."""

    def done(message: Message) -> bool:
      block = read_block(message.result)
      if block is None or block.number != request.number or request.hash not in (None, block.hash):
        return False
      self._times[block.hash] = block.time
      self._tip.answered(request)
      self._moved(self._tip.fetched(block))
      return True

    def failed(error: Error) -> None:
      if (target := self._tip.target) is not None:
        self._verify(target, f"block {request.number} cannot be had: {error}")

    if request.hash is None:
      self._call("eth_getBlockByNumber", [hex(request.number), False], done, failed)
    else:
      self._call("eth_getBlockByHash", [request.hash, False], done, failed)

  def _give_up(self, cause: str) -> None:
    """What is between the last block and the one that waits cannot be had."""
    target, number = self._tip.target, self._tip.number
    if target is None or number is None:
      return
    below = target.number - 1
    if below > number:
      # Logs may still be there: they are read as after any cut.
      first = self._from
      if self._of_blocks:
        self._gap(cause, number + 1, below)
      self._leap_over(below)
      self._from = number if first is None else first
    else:
      self._gap(f"{cause}; what it replaces is not known", target.number, target.number)
      self._leap_over(below)
    self._moved(self._tip.head(target))

  def _leap_over(self, below: int) -> None:
    for block in self._tip.leap(below):
      self._block(block, removed=True)

  def _moved(self, moved: ChainUpdate | None) -> None:
    """The chain goes on."""
    if moved is None:
      return
    number = self._tip.number or 0
    if moved.deep:
      low = moved.added[0].number
      self._gap(f"a reorganisation is deeper than {DEPTH} blocks", low - 1, low - 1)
    for block in moved.removed:
      self._block(block, removed=True)
    self.transfers.retract_orphans(self._tip.hash_at)
    for block in moved.added:
      self._block(block)
    retracted = any(self.transfers.is_orphan(block.hash) for block in moved.added)
    reorganised = moved.removed or len(moved.added) > 1 or retracted
    if reorganised or not self.live:
      first = moved.added[0].number
      if self._from is None:
        cause = "the chain was reorganised" if reorganised else "logs were not subscribed to yet"
        self._since_ms, self._cause = self._now.ts_ms, cause
      self._from = first if self._from is None else min(self._from, first)
    if self._from is not None:
      self._relinked()
    if self.native is not None:
      self.native.forget(number - DEPTH)
    for old in self._backfill.expired(number - self._config.backfill):
      self._gap("logs of blocks were refused until others were too far ahead", old.first, old.last)
    self._say_what_waits()
    # Logs that are read again must not be sent again.
    again = number if self._backfill.first is None else self._backfill.first
    self.transfers.forget(min(number - DEPTH, again, number if self._from is None else self._from))
    if len(self._times) > 4 * DEPTH:
      for block_hash in list(self._times)[: -2 * DEPTH]:
        del self._times[block_hash]

  def _relinked(self) -> None:
    """All blocks up to the last one are known: logs since the doubt began are read again."""
    number = self._tip.number
    if self._from is not None and number is not None and self.live:
      if self._filters:
        self._backfill.add(self._from, max(self._from, number))
      self.transfers.retract_orphans(self._tip.hash_at)
      self._from = None

  def _block(self, block: Block, *, removed: bool = False) -> None:
    if removed and block.hash == self._silent:
      return
    if self.native is not None:
      (self.native.remove if removed else self.native.add)(block)
    if "block" in self._kinds:
      self._out.append(self._writer.block(block, self._now.ts_ms, removed=removed))
    if "metric" in self._kinds and not removed:
      self._out.append(self._writer.metric(block, self._now.ts_ms))

  def _gap(self, cause: str, first: int | None, last: int | None) -> None:
    since = self._since_ms if self._from is not None else self._now.ts_ms
    self._out.append(self._writer.gap(cause, since, self._now.ts_ms, first, last))

  # Logs ------------------------------------------------------------------------------------------

  def _request_logs(self) -> None:
    """Requests the next range of logs that has to be read again."""
    if not self.live or (blocks := self._backfill.next(self._seconds)) is None:
      return
    params = dict(self._filters[blocks.filter])
    block_hash = self._tip.hash_at(blocks.first) if blocks.by_hash else None
    if block_hash is None:
      params |= {"fromBlock": hex(blocks.first), "toBlock": hex(blocks.last)}
    else:
      params["blockHash"] = block_hash
    done = partial(self._on_logs, blocks)
    self._call("eth_getLogs", [params], done, self._on_no_logs, final=always)

  def _on_logs(self, blocks: Range, message: Message) -> bool:
    try:
      logs, faults = read_logs(message.result)
    except UNREADABLE as exc:
      self._on_no_logs(Error(0, f"the answer to eth_getLogs could not be read: {exc}"))
      return True
    for fault in faults:
      self.unreadable += 1
      cause = f"a log could not be read: {own_words(str(fault), 200)}"
      self._gap(cause, blocks.first, blocks.last)
    # Where blocks could not be had, their logs show which ones are part of the chain.
    hashes = {log.number: log.block for log in logs}
    self.transfers.retract_orphans(lambda number: self._tip.hash_at(number) or hashes.get(number))
    reached = blocks.first - 1
    for log in logs:
      # A node may be on another branch; then its heads differ, and the logs are read once more.
      if blocks.first <= log.number <= blocks.last and self._is_ours(log) and not log.removed:
        self.transfers.take(log)
        reached = max(reached, log.number)
    self._check_logs(blocks, reached + 1)
    self._say_what_waits()
    return True

  def _check_logs(self, blocks: Range, first: int) -> None:
    """The answer had no log from the block `first` on: whether the node has those blocks."""
    begin = max(first, blocks.last - CHECKED + 1)
    if blocks.by_hash or first > blocks.last:
      self._backfill.done()
    elif begin == first and all(self._tip.hash_at(n) for n in range(first, blocks.last + 1)):
      self._backfill.done()
      self._backfill.check(blocks.filter, first, blocks.last)
    else:

      def done(message: Message) -> bool:
        block = read_block(message.result)
        if block is None or block.number < blocks.last:
          reached = "no block" if block is None else f"block {block.number}"
          self._on_no_logs(Error(0, f"the node itself has come to {reached}"))
        else:
          self._backfill.done()
          known = [n for n in range(begin, blocks.last + 1) if self._tip.hash_at(n) is not None]
          if known:
            self._backfill.check(blocks.filter, known[0], known[-1])
        return True

      self._call("eth_getBlockByNumber", ["latest", False], done, self._on_no_logs, final=always)

  def _is_ours(self, log: Log) -> bool:
    return self._tip.hash_at(log.number) in (None, log.block)

  def _on_no_logs(self, error: Error) -> None:
    lost = self._backfill.refused(error, self._seconds)
    if lost is not None:
      self._gap(f"logs of blocks cannot be read again: {error}", lost.first, lost.last)
    self._say_what_waits(error)

  def _say_what_waits(self, error: Error | None = None) -> None:
    """Tells readers which blocks a node refuses again and again, and why, or that none are left."""
    stuck = self._backfill.stuck
    if stuck and error is not None:
      first, last = min(r.first for r in stuck), max(r.last for r in stuck)
      reason = f"logs of blocks {first} to {last} are requested again and again: {error}"
    elif stuck or self._waits_for is None:
      return
    else:
      reason = None
    if reason == self._waits_for:
      return
    for member in self.members:
      member.notice(self._logs, reason, unavailable=False)
      if self._waits_for is None:
        member.log.warning("%s", reason)
    self._waits_for = reason
