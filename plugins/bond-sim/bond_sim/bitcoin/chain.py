"""A generated chain: transactions enter the mempool, and blocks take them out."""

import random
from typing import Any

ADDRESS_CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CHECKSUM = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
FIRST_HEIGHT = 900_000
SUBSIDY = 312_500_000
POOLS = ("Foundry USA", "AntPool", "ViaBTC", "F2Pool", "SpiderPool")
SHOWN_BLOCKS = 8


class BitcoinChain:
  """The mempool and the chain of one seed. Amounts are in satoshi; transactions have Esplora's
  form, blocks that of the mempool server."""

  def __init__(self, seed: int) -> None:
    self._rng = random.Random(seed)
    self.addresses = [self._address() for _ in range(60)]
    self.mempool: dict[str, dict[str, Any]] = {}
    self.blocks: list[dict[str, Any]] = []
    self.reorganised = 0

  def begin(self, second: int) -> None:
    """Makes the blocks that precede the simulation."""
    for back in range(SHOWN_BLOCKS, 0, -1):
      self.blocks.append(self._block(second - 600 * back, []))

  # The mempool -----------------------------------------------------------------------------------

  def arrive(self, count: int) -> tuple[list[dict[str, Any]], list[tuple[str, dict[str, Any]]]]:
    """Adds `count` transactions to the mempool and returns them, with (id of the replaced
    transaction, its replacement) for those that replace an earlier one."""
    added = [self._transaction() for _ in range(count)]
    replaced = []
    for tx in added:
      if self.mempool and self._rng.random() < 0.03:
        old = self._rng.choice(list(self.mempool))
        del self.mempool[old]
        replaced.append((old, tx))
    self.mempool |= {tx["txid"]: tx for tx in added}
    return added, replaced

  def _transaction(self) -> dict[str, Any]:
    rng = self._rng
    source, target = rng.sample(self.addresses, 2)
    amount = min(int(rng.lognormvariate(14, 3)) + 1000, 2_000_000_000_000)
    change = rng.randrange(546, 100_000_000)
    weight = rng.choice((437, 561, 833, 1100)) + rng.randrange(40)
    fee = int(weight / 4 * rng.uniform(1.0, 12.0))
    # Half of the wallets send their change back to the address that it came from.
    back = source if rng.random() < 0.5 else rng.choice(self.addresses)
    return {
      "txid": self._hash(),
      "version": 2,
      "locktime": 0,
      "vin": [
        {
          "txid": self._hash(),
          "vout": 0,
          "prevout": {"scriptpubkey_address": source, "value": amount + change + fee},
        }
      ],
      "vout": [
        {"scriptpubkey_address": target, "value": amount},
        {"scriptpubkey_address": back, "value": change},
      ],
      "size": weight // 3,
      "weight": weight,
      "fee": fee,
      "status": {"confirmed": False},
    }

  # Blocks ----------------------------------------------------------------------------------------

  def mine(self, second: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Makes the next block and returns it with its transactions: those with the highest fee
    rates."""
    best = sorted(self.mempool.values(), key=lambda tx: tx["fee"] / tx["weight"], reverse=True)
    mined = best[: max(1, len(best) * 3 // 4)]
    for tx in mined:
      del self.mempool[tx["txid"]]
    block = self._block(second, mined)
    self.blocks.append(block)
    for tx in mined:
      tx["status"] = {
        "confirmed": True,
        "block_height": block["height"],
        "block_hash": block["id"],
        "block_time": block["timestamp"],
      }
    return block, mined

  def reorganise(self, second: int) -> None:
    """Replaces the last block by another with the same transactions."""
    old = self.blocks.pop()
    new = self._block(second, [])
    self.blocks.append(new | {"tx_count": old["tx_count"], "extras": old["extras"]})
    self.reorganised += 1

  def _block(self, second: int, mined: list[dict[str, Any]]) -> dict[str, Any]:
    rng = self._rng
    last = self.blocks[-1] if self.blocks else None
    fees = sum(tx["fee"] for tx in mined)
    return {
      "id": "00000000000000000000" + self._hash()[20:],
      "height": FIRST_HEIGHT if last is None else last["height"] + 1,
      "version": 0x20000000,
      # Miners' clocks are up to minutes off.
      "timestamp": second - rng.randrange(120),
      "tx_count": len(mined) + 1,
      "size": 300 + sum(tx["size"] for tx in mined),
      "weight": 1200 + sum(tx["weight"] for tx in mined),
      "merkle_root": self._hash(),
      "previousblockhash": self._hash() if last is None else last["id"],
      "extras": {
        "totalFees": fees,
        "medianFee": 4.2,
        "reward": SUBSIDY + fees,
        "pool": {"id": 1, "name": rng.choice(POOLS), "slug": "pool"},
      },
    }

  def _hash(self) -> str:
    return f"{self._rng.getrandbits(256):064x}"

  def _address(self) -> str:
    """A payment to a key, with the checksum of BIP-173."""
    values = [0, *self._rng.choices(range(32), k=38)[:32]]
    check = 1
    for value in (3, 3, 0, 2, 3, *values, *[0] * 6):
      top = check >> 25
      check = (check & 0x1FFFFFF) << 5 ^ value
      for bit, generator in enumerate(CHECKSUM):
        if top >> bit & 1:
          check ^= generator
    values += [(check ^ 1) >> 5 * place & 31 for place in range(5, -1, -1)]
    return "bc1" + "".join(ADDRESS_CHARACTERS[value] for value in values)

  # Statistics ------------------------------------------------------------------------------------

  def statistics(self) -> dict[str, Any]:
    """The part "stats" of a message."""
    rates = sorted(tx["fee"] / (tx["weight"] / 4) for tx in self.mempool.values()) or [1.0]
    vbytes = sum(tx["weight"] for tx in self.mempool.values()) // 4

    def rate(share: float) -> int:
      chosen: float = rates[int(share * (len(rates) - 1))]
      return max(1, round(chosen))

    return {
      "mempoolInfo": {
        "loaded": True,
        "size": len(self.mempool),
        "bytes": vbytes,
        "usage": 5 * vbytes,
        "total_fee": sum(tx["fee"] for tx in self.mempool.values()) / 1e8,
        "maxmempool": 300_000_000,
        "mempoolminfee": 0.00001,
      },
      "vBytesPerSecond": 900 + len(self.mempool),
      "fees": {
        "fastestFee": rate(0.9),
        "halfHourFee": rate(0.6),
        "hourFee": rate(0.4),
        "economyFee": rate(0.2),
        "minimumFee": 1,
      },
    }
