"""What every feed must do, of Bitcoin's."""

import msgspec
from bond_bitcoin.config import Bitcoin
from bond_bitcoin.feed import BitcoinFeed
from bond_bitcoin.sources import SOURCES

from bond_core.testing import FeedConformance

SETTINGS = Bitcoin(event_types=["tx", "transfer", "block", "metric"])


def block(height):
  return {"id": f"h{height}", "height": height, "timestamp": 1700000000, "tx_count": 2}


def transaction(number):
  output = {"scriptpubkey_address": f"bc1q{number}", "value": 1000 * number}
  return {"txid": f"{number:064x}", "vin": [{"prevout": None}], "vout": [output], "fee": 200}


class TestFeed(FeedConformance):
  def feed(self):
    return BitcoinFeed(SETTINGS.connection)

  def subscriptions(self):
    return list(SOURCES[0].subscriptions(SETTINGS))

  def session(self):
    changes = [
      {"mempool-transactions": {"sequence": n, "added": [transaction(n), transaction(100 + n)]}}
      for n in range(1, 12)
    ]
    blocks = [{"blocks": [block(8), block(9)]}, {"block": block(10)}]
    return [msgspec.json.encode(message) for message in (*blocks, *changes)]
