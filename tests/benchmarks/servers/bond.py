"""Bond's broker over a log in memory, into which this process publishes."""

import time

import trio
from bond_broker.config import BrokerConfig
from bond_broker.server.backing import Backing
from bond_broker.server.broker import open_broker
from bond_server.access.access import OpenAccess

from bond_core._clock import SystemClock
from bond_core._events import Batch, Custom, encode
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import MemoryLog
from tests.benchmarks.servers.offered import FIRST, SIZE, TURN, Offer, symbol

# All clients come from one address, and nobody here is a stranger.
MANY = 100_000
CONFIG = BrokerConfig(
  port=0,
  max_clients=MANY,
  max_per_address=MANY,
  max_per_principal=MANY,
  max_subscriptions=MANY,
)


def event(number: int, sequence: int, name: str, pad: str) -> Custom:
  """One message of the load, as an event with all keys."""
  now = time.time_ns()
  return Custom(
    exchange="bench",
    symbol=name,
    ts_event=now // 1_000_000,
    event_type="load",
    data={"n": number, "ts": now, "pad": pad},
    seq_internal=sequence,
  )


# As for the peers, a message is SIZE bytes; the log's number in it grows by a digit now and then.
PADS = ["x" * (SIZE - len(encode(event(FIRST, 10**digits, "", "")))) for digits in range(12)]


def due(offer: Offer, head: int, symbols: list[str]) -> Batch:
  """The events that are due now."""
  count = offer.count_due()
  number = FIRST + offer.published - count
  batch: Batch = []
  for n, sequence in enumerate(range(head + 1, head + 1 + count), number):
    name = symbols[n % len(symbols)]
    batch.append(event(n, sequence, name, PADS[len(str(sequence)) - 1][len(name) :]))
  return batch


async def main() -> None:
  offer, clock = Offer(), SystemClock()
  symbols = [symbol(topic) for topic in offer.topics]
  log = MemoryLog("market", clock=clock, stamps=True)
  backing = Backing(clock=clock, access=OpenAccess(clock), log=DurableLog(log, None))
  async with open_broker(CONFIG, backing) as broker:
    offer.obey(port=int(broker.addresses[0].rpartition(":")[2]))
    while not offer.ended:
      log.append(due(offer, log.head, symbols))
      await trio.sleep(TURN)


if __name__ == "__main__":
  trio.run(main)
