"""Moves the generated chain and tells each reader what it wants, in one message a change."""

import random
from collections import deque
from typing import Any

import msgspec
import trio

from bond_sim.bitcoin.chain import SHOWN_BLOCKS, Chain
from bond_sim.clock import Clock
from bond_sim.hub import Hub

CHANGE_EVERY = 2.0
CHANGES_A_BLOCK = 15
REORGANISED = 4
LOGGED = 20_000


class World:
  """A chain in motion. A stream of the hub is one choice of parts: its name joins them with +, such
  as `blocks+mempool-txids+stats`, with addresses as `address:…`. `log` has [number, epoch ms, ids
  of the transactions] of each change."""

  def __init__(self, clock: Clock, *, seed: int, speed: float) -> None:
    self.hub = Hub(span)
    self.chain = Chain(seed)
    self.sequence = 0
    self.log: deque[tuple[int, int, list[str]]] = deque(maxlen=LOGGED)
    self._clock = clock
    self._rng = random.Random(seed + 1)
    self._every = CHANGE_EVERY / speed
    self._streams: dict[str, frozenset[str]] = {}

  def stream(self, parts: frozenset[str]) -> str:
    """The stream of these parts; from now on it is published."""
    name = "+".join(sorted(parts))
    self._streams[name] = parts
    return name

  async def run(self) -> None:
    """Changes the mempool while somebody reads; blocks come with it."""
    self.chain.begin(self._clock.now_ms() // 1000)
    changes = 0
    while True:
      await self.hub.somebody()
      await trio.sleep(self._every)
      changes += 1
      self._change()
      if changes % CHANGES_A_BLOCK == 0:
        self._block()
        if (changes // CHANGES_A_BLOCK) % REORGANISED == 0:
          await trio.sleep(self._every / 2)
          self.chain.reorganise(self._clock.now_ms() // 1000)
          self._publish({"blocks": self.latest()}, ("blocks",))

  def latest(self) -> list[dict[str, Any]]:
    """The blocks that a reader gets at first."""
    return self.chain.blocks[-SHOWN_BLOCKS:]

  # Changes ---------------------------------------------------------------------------------------

  def _change(self) -> None:
    added, replaced = self.chain.arrive(self._rng.randrange(4, 14))
    ids = [tx["txid"] for tx in added]
    self.sequence += 1
    self.log.append((self.sequence, self._clock.now_ms(), ids))
    self._tell(added, [(old, new["txid"], new) for old, new in replaced], [], {})

  def _block(self) -> None:
    block, mined = self.chain.mine(self._clock.now_ms() // 1000)
    self.sequence += 1
    self._tell([], [], mined, {"block": block})

  def _tell(
    self,
    added: list[dict[str, Any]],
    replaced: list[tuple[str, str, dict[str, Any]]],
    mined: list[dict[str, Any]],
    block: dict[str, Any],
  ) -> None:
    change = {"sequence": self.sequence, "removed": [], "mined": [tx["txid"] for tx in mined]}
    parts: dict[str, dict[str, Any]] = {
      "blocks": block,
      "stats": self.chain.statistics(),
      "mempool-txids": {
        "mempool-txids": change
        | {
          "added": [tx["txid"] for tx in added],
          "replaced": [{"replaced": old, "by": txid} for old, txid, _ in replaced],
        }
      },
      "mempool-transactions": {
        "mempool-transactions": change
        | {
          "added": added,
          "replaced": [{"replaced": old, "by": new} for old, _, new in replaced],
        }
      },
    }
    for name, wanted in list(self._streams.items()):
      if not self.hub.wanted(name):
        continue
      message: dict[str, Any] = {}
      for part in sorted(wanted & parts.keys()):
        message |= parts[part]
      message |= _of_addresses(wanted, added, mined)
      if message:
        self.hub.publish(name, msgspec.json.encode(message))

  def _publish(self, message: dict[str, Any], needs: tuple[str, ...]) -> None:
    for name, wanted in list(self._streams.items()):
      if self.hub.wanted(name) and wanted.issuperset(needs):
        self.hub.publish(name, msgspec.json.encode(message))


def _of_addresses(
  wanted: frozenset[str], added: list[dict[str, Any]], mined: list[dict[str, Any]]
) -> dict[str, Any]:
  """The part about watched addresses; empty where nothing concerns them."""
  found: dict[str, Any] = {}
  for name in sorted(wanted):
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


class _Numbered(msgspec.Struct):
  sequence: int


class _Parts(msgspec.Struct):
  txids: _Numbered | None = msgspec.field(default=None, name="mempool-txids")
  transactions: _Numbered | None = msgspec.field(default=None, name="mempool-transactions")


_read = msgspec.json.Decoder(_Parts).decode


def span(data: bytes) -> tuple[int, int] | None:
  """The number of the change that a message tells of."""
  parts = _read(data)
  change = parts.txids or parts.transactions
  return None if change is None else (change.sequence, change.sequence)
