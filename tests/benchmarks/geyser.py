"""A Geyser node at 7,000 updates a second through gRPC, the bridge and the source onchain.solana:
what comes through, and the share of a core that it takes.

The node is a process of its own that sends transactions encoded beforehand, each when it is due, so
that it is not the limit; the source reads transactions and transfers.
"""

import json
import subprocess
import sys
import time

RATE = 7000
SECONDS = 6
SLOT = 0.4


def node() -> None:
  """Serves one stream: prints its address, then sends until the client has gone."""
  from concurrent.futures import ThreadPoolExecutor
  from typing import Any

  import grpc
  from bond_sim.geyser.ledger import SolanaLedger as Ledger
  from bond_sim.geyser.updates import BlockMetaUpdate, TransactionUpdate, contents

  ledger = Ledger(seed=1, transactions=round(RATE * SLOT) - 6, forks=0)
  blocks = []
  for _ in range(round(SECONDS / SLOT)):
    block = ledger.next(0, 400)
    if block is not None:
      wanted = [u for u in contents(block) if isinstance(u, TransactionUpdate | BlockMetaUpdate)]
      blocks.append([update.body for update in wanted])

  def subscribe(requests: Any, context: Any) -> Any:
    due = time.monotonic()
    for block in blocks:
      # In tenths of a slot, as transactions come while a block is made.
      step = len(block) // 10 + 1
      for start in range(0, len(block), step):
        due += SLOT / 10
        time.sleep(max(0.0, due - time.monotonic()))
        yield from block[start : start + step]
    time.sleep(60)

  handler = grpc.stream_stream_rpc_method_handler(subscribe)
  service = grpc.method_handlers_generic_handler("geyser.Geyser", {"Subscribe": handler})
  server = grpc.server(ThreadPoolExecutor(2), handlers=[service])
  port = server.add_insecure_port("127.0.0.1:0")
  server.start()
  sent = sum(len(block) - 1 for block in blocks)
  print(json.dumps({"port": port, "transactions": sent}), flush=True)
  sys.stdin.read()
  server.stop(0)


def source(port: int, transactions: int) -> None:
  """Reads the stream in a running hub, as `bond run` has it; prints what it took."""
  import trio

  from bond_core import Registry
  from bond_core._clock import SystemClock
  from bond_core._events import ChainEvent, Gap
  from bond_core._logs.memory import MemoryLog
  from bond_core._sources.manager import open_sources
  from bond_core._spec.structure import structure

  settings = {"event_types": ["tx", "transfer"], "endpoint": f"http://127.0.0.1:{port}"}

  async def main() -> None:
    spec = Registry().source("onchain.solana")
    config, faults = structure({**settings, "votes": True, "failed": True}, spec.config)
    if problems := [fault.message for fault in faults]:
      raise RuntimeError(problems[0])
    clock = SystemClock()
    log = MemoryLog("market", clock=clock, stamps=True, max_bytes=64 << 20)
    seen: set[str] = set()
    events = gaps = 0
    async with open_sources(log, clock) as hub:
      tap = hub.open("chain", spec, config)
      cursor = log.cursor()
      begun = cpu = 0.0
      with trio.move_on_after(SECONDS * 5):
        while len(seen) < transactions and tap.failure is None:
          for event in await cursor.next():
            events += 1
            if not begun:
              begun, cpu = time.monotonic(), time.process_time()
            if type(event) is Gap:
              gaps += 1
            elif isinstance(event, ChainEvent) and event.kind == "tx" and event.meta:
              seen.add(event.meta["signature"])
      took, used = time.monotonic() - begun, time.process_time() - cpu
    found = {"updates": len(seen), "events": events, "gaps": gaps, "seconds": took, "cpu": used}
    print(json.dumps(found), flush=True)

  trio.run(main)


def run() -> dict[str, object]:
  """Updates a second that came through, beside what was lost."""
  module = [sys.executable, "-m", "tests.benchmarks.geyser"]
  with subprocess.Popen(
    [*module, "node"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as served:
    assert served.stdout is not None
    told = json.loads(served.stdout.readline())
    sent = told["transactions"]
    done = subprocess.run(
      [*module, "source", str(told["port"]), str(sent)], capture_output=True, text=True, check=True
    )
    served.kill()
  found = json.loads(done.stdout)
  return {
    "value": round(found["updates"] / found["seconds"]),
    "unit": "updates/s",
    "goal": round(RATE * 0.98),
    "at_least": True,
    "sent": sent,
    "lost": sent - found["updates"],
    "gaps": found["gaps"],
    "share of a core": round(found["cpu"] / found["seconds"], 2),
    "µs an update": round(found["cpu"] / found["updates"] * 1e6, 1),
    "events/s": round(found["events"] / found["seconds"]),
  }


if __name__ == "__main__":
  if sys.argv[1] == "node":
    node()
  else:
    source(int(sys.argv[2]), int(sys.argv[3]))
