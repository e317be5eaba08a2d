"""The source this plugin offers."""

from bond_bitcoin.config import Bitcoin
from bond_bitcoin.feed import EXCHANGE, INSTRUMENT, BitcoinFeed
from bond_core import ChainEvent, Gap, SourceType
from bond_core.feeds import Subscription

SOURCES = [
  SourceType(
    name="onchain.bitcoin",
    summary="Transactions, transfers, blocks and fees of Bitcoin, from a mempool server.",
    config=Bitcoin,
    emits=(ChainEvent, Gap),
    feed=BitcoinFeed,
    connection=lambda given: given.connection,
    subscriptions=lambda given: [Subscription("chain", INSTRUMENT)],
    words=(
      "bitcoin transactions",
      "bitcoin transfers",
      "bitcoin blocks",
      "bitcoin mempool",
      "bitcoin fees",
    ),
    aliases={"onchain:btc": {}, "onchain:bitcoin": {}},
    simulator="bitcoin",
    exchange=lambda given: EXCHANGE,
    public=True,
    terms=(
      "mempool.space Terms of Service, https://mempool.space/terms-of-service: the public server "
      "is limited; run your own for more"
    ),
    example="{event_types: [tx, block, metric]}",
  )
]
