"""websockets' own `broadcast`, on asyncio and uvloop."""

import asyncio

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.benchmarks.servers.offered import TURN, Offer


async def main() -> None:
  offer = Offer()
  clients: set[ServerConnection] = set()

  async def client(connection: ServerConnection) -> None:
    clients.add(connection)
    await connection.wait_closed()
    clients.discard(connection)

  async with serve(
    client, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=1024
  ) as server:
    offer.obey(port=next(iter(server.sockets)).getsockname()[1])
    while not offer.ended:
      for _, message in offer.due():
        broadcast(clients, message)
      await asyncio.sleep(TURN)


if __name__ == "__main__":
  uvloop.run(main())
