"""Moves the generated chain and publishes each change, in one message a reader."""

import random
from collections import deque
from typing import Any

import msgspec
import trio
from bond_simkit import Fanout, VenueTime

from bond_sim.bitcoin.chain import SHOWN_BLOCKS, BitcoinChain

CHANGE_EVERY = 2.0
CHANGES_A_BLOCK = 15
REORGANISED = 4
"""Every such block is replaced."""
LOGGED = 20_000


class BitcoinGenerator:
  """A chain in motion. A topic of the fan-out is one choice of parts: its name joins them with +,
  such as `blocks+mempool-txids+stats`, with addresses as `address:…`. `log` has [number, epoch ms,
  ids of the transactions] of each change."""

  def __init__(self, clock: VenueTime, *, seed: int, speed: float) -> None:
    self.fanout = Fanout(span)
    self.chain = BitcoinChain(seed)
    self.sequence = 0
    self.log: deque[tuple[int, int, list[str]]] = deque(maxlen=LOGGED)
    self._clock = clock
    self._rng = random.Random(seed + 1)
    self._every = CHANGE_EVERY / speed
    self._topics: dict[str, frozenset[str]] = {}

  def topic(self, parts: frozenset[str]) -> str:
    """The topic of these parts; it is published from now on."""
    name = "+".join(sorted(parts))
    self._topics[name] = parts
    return name

  async def run(self) -> None:
    """Changes the mempool and mines blocks while there are readers, until cancelled."""
    self.chain.begin(self._clock.now_ms() // 1000)
    changes = 0
    while True:
      await self.fanout.wait_for_reader()
      await trio.sleep(self._every)
      changes += 1
      self._change()
      if changes % CHANGES_A_BLOCK == 0:
        self._block()
        if (changes // CHANGES_A_BLOCK) % REORGANISED == 0:
          await trio.sleep(self._every / 2)
          self.chain.reorganise(self._clock.now_ms() // 1000)
          self._publish_blocks()

  def latest(self) -> list[dict[str, Any]]:
    """The blocks that a new reader gets."""
    return self.chain.blocks[-SHOWN_BLOCKS:]

  # Changes ---------------------------------------------------------------------------------------

  def _change(self) -> None:
    added, replaced = self.chain.arrive(self._rng.randrange(4, 14))
    ids = [tx["txid"] for tx in added]
    self.sequence += 1
    self.log.append((self.sequence, self._clock.now_ms(), ids))
    self._publish(added, replaced, [], {})

  def _block(self) -> None:
    block, mined = self.chain.mine(self._clock.now_ms() // 1000)
    self.sequence += 1
    self._publish([], [], mined, {"block": block})

  def _publish(
    self,
    added: list[dict[str, Any]],
    replaced: list[tuple[str, dict[str, Any]]],
    mined: list[dict[str, Any]],
    block: dict[str, Any],
  ) -> None:
    """Publishes a change; `replaced` has the id of each replaced transaction and its
    replacement."""
    change = {"sequence": self.sequence, "removed": [], "mined": [tx["txid"] for tx in mined]}
    parts: dict[str, dict[str, Any]] = {
      "blocks": block,
      "stats": self.chain.statistics(),
      "mempool-txids": {
        "mempool-txids": change
        | {
          "added": [tx["txid"] for tx in added],
          "replaced": [{"replaced": old, "by": new["txid"]} for old, new in replaced],
        }
      },
      "mempool-transactions": {
        "mempool-transactions": change
        | {
          "added": added,
          "replaced": [{"replaced": old, "by": new} for old, new in replaced],
        }
      },
    }
    for name, of_topic in list(self._topics.items()):
      if not self.fanout.is_accounted(name):
        continue
      message: dict[str, Any] = {}
      for part in sorted(of_topic & parts.keys()):
        message |= parts[part]
      message |= _of_addresses(of_topic, added, mined)
      if message:
        self.fanout.publish(name, msgspec.json.encode(message))

  def _publish_blocks(self) -> None:
    for name, parts in list(self._topics.items()):
      if self.fanout.is_accounted(name) and "blocks" in parts:
        self.fanout.publish(name, msgspec.json.encode({"blocks": self.latest()}))


def _of_addresses(
  parts: frozenset[str], added: list[dict[str, Any]], mined: list[dict[str, Any]]
) -> dict[str, Any]:
  """The part about tracked addresses; empty where no transaction concerns them."""
  found: dict[str, Any] = {}
  for name in sorted(parts):
    kind, _, address = name.partition(":")
    if kind == "address":
      entered = [tx for tx in added if _concerns(tx, address)]
      confirmed = [tx for tx in mined if _concerns(tx, address)]
      if entered or confirmed:
        found[address] = {"mempool": entered, "confirmed": confirmed, "removed": []}
  return {"multi-address-transactions": found} if found else {}


def _concerns(tx: dict[str, Any], address: str) -> bool:
  return any(entry["prevout"]["scriptpubkey_address"] == address for entry in tx["vin"]) or any(
    output["scriptpubkey_address"] == address for output in tx["vout"]
  )


class _BitcoinSequence(msgspec.Struct):
  sequence: int


class _BitcoinParts(msgspec.Struct):
  txids: _BitcoinSequence | None = msgspec.field(default=None, name="mempool-txids")
  transactions: _BitcoinSequence | None = msgspec.field(default=None, name="mempool-transactions")


_read = msgspec.json.Decoder(_BitcoinParts).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The number of the change in a message."""
  parts = _read(data)
  change = parts.txids or parts.transactions
  return None if change is None else (change.sequence, change.sequence)
