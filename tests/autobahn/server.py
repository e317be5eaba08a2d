"""The broker with an echo mounted beside its own paths."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bond_broker.config import BrokerConfig
from bond_broker.server.backing import Backing
from bond_broker.server.broker import open_broker
from bond_broker.server.session import Session
from bond_server.access.access import OpenAccess
from websockets.frames import Frame, Opcode

from bond_core._clock import SystemClock
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import MemoryLog
from bond_core._spec.values import Size

# The suite's largest messages have 16 MiB.
MAX_MESSAGE = Size(16 * 1024 * 1024)


async def echo(session: Session, message: bytes, binary: bool) -> None:
  """Sends a message back as it came."""
  opcode = Opcode.BINARY if binary else Opcode.TEXT
  session.send(Frame(opcode, message).serialize(mask=False))


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
  """The URL of an echo in a broker on a free port of 127.0.0.1."""
  clock = SystemClock()
  backing = Backing(
    clock=clock,
    access=OpenAccess(clock),
    log=DurableLog(MemoryLog("market", stamps=True), None),
    handlers={"/echo": echo},
  )
  config = BrokerConfig(port=0, max_message=MAX_MESSAGE)
  async with open_broker(config, backing) as broker:
    yield f"{broker.addresses[0]}/echo"
