"""The whole path in Bond: a venue's trades through feed, log and broker, as `bond serve` runs them.

usage: python -m tests.benchmarks.servers.bond_path VENUE_PORT
"""

import json
import sys

import trio
from bond_broker.service import serve

from bond_core.registry import Registry
from bond_core.serving.runtime import Keeping, open_runtime
from bond_core.spec import load_spec
from tests.benchmarks.servers.bond import CONFIG

SPEC = """
name: path
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "http://127.0.0.1:{port}"}}}}
"""


async def main(venue: int) -> None:
  registry = Registry()
  spec = load_spec(SPEC.format(port=venue), registry=registry)
  memory = registry.log("core.memory")
  keeping = Keeping(memory, memory.config())
  async with (
    open_runtime(keeping=keeping, registry=registry, specs=[spec]) as runtime,
    trio.open_nursery() as nursery,
  ):
    addresses = await nursery.start(serve, CONFIG, runtime)
    runtime.carry(spec)
    print(json.dumps({"port": int(addresses[0].rpartition(":")[2])}), flush=True)
    await trio.to_thread.run_sync(sys.stdin.read)
    nursery.cancel_scope.cancel()


if __name__ == "__main__":
  trio.run(main, int(sys.argv[1]))
