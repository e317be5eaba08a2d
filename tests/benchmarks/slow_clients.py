"""Clients that read slowly or not at all: HOST PORT PATH CLIENTS SUBSCRIPTION.

Every other one reads 200 bytes 20 times a second, the rest nothing. Says {} when all are there and
goes on until its standard input ends.
"""

import json
import socket
import sys

import trio

from tests.benchmarks.drain import connect, frame

SIP, PAUSE = 200, 0.05


async def main() -> None:
  host, port, path, clients, subscription = sys.argv[1:]
  sockets = []
  for _ in range(int(clients)):
    sock, _ = connect(host, int(port), path)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(True)
    sock.sendall(frame(subscription.encode()))
    sock.setblocking(False)
    sockets.append(sock)
  print(json.dumps({}), flush=True)
  async with trio.open_nursery() as nursery:
    for sock in sockets[::2]:
      nursery.start_soon(_sip, trio.socket.from_stdlib_socket(sock))
    await trio.to_thread.run_sync(sys.stdin.read)
    nursery.cancel_scope.cancel()


async def _sip(sock: trio.socket.SocketType) -> None:
  while await sock.recv(SIP):
    await trio.sleep(PAUSE)


if __name__ == "__main__":
  trio.run(main)
