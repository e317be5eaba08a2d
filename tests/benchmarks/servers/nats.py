"""nats-server with its websocket gateway, and a publisher on its TCP port.

NATS has no publishing inside the server: the publisher is this process, on the same core, and its
processor time is counted with the server's.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks.servers.offered import TURN, Offer

# The gateway's own limits are lifted as far as the load needs it; the first PING is not waited for.
CONFIG = """
listen: "127.0.0.1:-1"
ports_file_dir: "{folder}"
ping_interval: "30m"
max_connections: 100000
max_pending: 64MB
websocket {{ listen: "127.0.0.1:-1", no_tls: true }}
"""


def find_server() -> str | None:
  """Where nats-server is; Debian puts it outside an ordinary user's PATH."""
  return shutil.which("nats-server") or shutil.which(
    "nats-server", path="/usr/sbin:/usr/local/sbin"
  )


def ports(folder: Path) -> tuple[int, int]:
  """The ports (TCP, websocket) that the server has written down."""
  deadline = time.monotonic() + 10
  while time.monotonic() < deadline:
    for path in folder.glob("*.ports"):
      try:
        found = json.loads(path.read_text())
      except ValueError:
        continue
      return int(found["nats"][0].rpartition(":")[2]), int(found["websocket"][0].rpartition(":")[2])
    time.sleep(0.02)
  raise RuntimeError("nats-server wrote no ports file within 10 s")


def main() -> None:
  program = find_server()
  if program is None:
    raise RuntimeError("nats-server is not installed")
  offer = Offer()
  with tempfile.TemporaryDirectory() as name:
    config = Path(name) / "nats.conf"
    config.write_text(CONFIG.format(folder=name))
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as server:
      try:
        tcp, websocket = ports(Path(name))
        with socket.create_connection(("127.0.0.1", tcp)) as connection:
          # Or each turn's messages would wait for the acknowledgement of those before.
          connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
          connection.sendall(b'CONNECT {"verbose":false}\r\n')
          offer.obey(port=websocket)
          while not offer.ended:
            batch = [
              b"PUB %b %d\r\n%b\r\n" % (topic.encode(), len(message), message)
              for topic, message in offer.due()
            ]
            if batch:
              connection.sendall(b"".join(batch))
            time.sleep(TURN)
      finally:
        server.terminate()


if __name__ == "__main__":
  main()
