"""What clients ask a server for is asked of the venue, and given back when nobody wants it."""

import json
import re
import subprocess
from contextlib import asynccontextmanager

import pytest
import trio
from serving import served
from trio_websocket import open_websocket_url
from venue import BOND, simulator

SPEC = """
name: demand
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
"""
# How long the core keeps a subscription that nobody reads (bond_core/feed/interest.py), and more.
GRACE = 20


@asynccontextmanager
async def client(port, path="/stream"):
  url = f"ws://127.0.0.1:{port}{path}"
  async with open_websocket_url(url, disconnect_timeout=1) as socket:
    yield socket


async def message(socket, wanted):
  with trio.fail_after(60):
    while True:
      found = json.loads(await socket.get_message())
      if wanted(found):
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory):
  """What two clients and the venue told, in the order of what happened."""
  found = {}
  folder = tmp_path_factory.mktemp("demand")

  async def at_the_venue(venue):
    stats = await trio.to_thread.run_sync(venue.control, "stats")
    return [name for c in stats["connections"] if not c["closed"] for name in c["subscriptions"]]

  async def everything():
    async with simulator() as venue:
      spec = folder / "demand.yaml"
      spec.write_text(SPEC.format(url=venue.endpoint))
      async with served(str(spec), sim=False) as server, client(server.port) as one:
        wish = {"type": "subscribe", "id": 1, "channels": ["trades"], "exchanges": ["binance"]}
        await one.send_message(json.dumps({**wish, "symbols": ["BTC/USDT"]}))
        await message(one, lambda m: m["type"] == "trade")
        found["at first"] = await at_the_venue(venue)
        async with client(server.port) as two:
          symbols = ["XRP/USDT", "NO/SUCH"]
          await two.send_message(json.dumps({**wish, "id": 2, "symbols": symbols}))
          found["ack"] = await message(two, lambda m: m["type"] == "system")
          found["trade"] = await message(two, lambda m: m["type"] == "trade")
          found["asked"] = await at_the_venue(venue)
          await two.send_message(
            json.dumps({**wish, "id": 3, "exchanges": ["nowhere"], "symbols": ["XRP/USDT"]})
          )
          found["nowhere"] = await message(two, lambda m: m["type"] == "system")
          misspelt = {"id": 4, "exchanges": ["krakn", "binance"], "chanels": ["trades"]}
          await two.send_message(json.dumps({"type": "subscribe", **misspelt}))
          found["misspelt"] = await message(two, lambda m: m.get("id") == 4)
          await two.send_message(
            json.dumps({"type": "subscribe", "id": 5, "exchange": "krakn", "channel": "trades"})
          )
          found["only nowhere"] = await message(two, lambda m: m.get("id") == 5)
        with trio.move_on_after(GRACE):
          while len(await at_the_venue(venue)) > 1:
            await trio.sleep(0.2)
        found["in the end"] = await at_the_venue(venue)
        await message(one, lambda m: m["type"] == "trade")
      found["said"] = server.errors.decode()

  trio.run(everything)
  return found


def test_what_nobody_carries_yet_is_asked_of_the_venue_and_comes(told):
  assert told["at first"] == ["spot btcusdt@trade"]
  assert sorted(told["asked"]) == ["spot btcusdt@trade", "spot xrpusdt@trade"]
  assert told["trade"]["symbol"] == "XRP/USDT"


def test_what_nobody_can_carry_is_rejected_with_the_reason(told):
  (rejected,) = told["ack"]["rejected"]
  assert (rejected["symbol"], rejected["exchange"]) == ("NO/SUCH", "binance")
  assert "there is no NO/SUCH on Binance spot" in rejected["reason"]
  (rejected,) = told["nowhere"]["rejected"]
  assert "no source of nowhere is installed; there is binance," in rejected["reason"]


def test_a_venue_that_nobody_carries_is_rejected_without_a_symbol_too(told):
  rejected = told["misspelt"]["rejected"]
  assert {(one["symbol"], one["exchange"]) for one in rejected} == {("*", "krakn")}
  assert all(one["reason"].startswith("there is no exchange krakn here; ") for one in rejected)
  assert 4 in [one["id"] for one in told["misspelt"]["subscriptions"]]
  (rejected,) = told["only nowhere"]["rejected"]
  assert rejected["exchange"] == "krakn"
  assert 5 not in [one["id"] for one in told["only nowhere"]["subscriptions"]]


def test_a_misspelt_key_is_named_with_the_nearest_that_means_something(told):
  assert told["misspelt"]["unknown"] == [{"key": "chanels", "did_you_mean": "channels"}]
  assert "unknown" not in told["ack"]


def test_what_nobody_wants_any_more_is_given_back(told):
  assert told["in the end"] == ["spot btcusdt@trade"]


def test_what_clients_ask_for_does_not_fill_the_log_of_the_server(told):
  assert "NO/SUCH" not in told["said"]


STREAM = """
name: shown
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
transforms:
  bars: {{use: core.window, from: trades, with: {{every: 500ms}}}}
sinks:
  out: {{use: broker.websocket, from: bars{more}}}
"""


async def two_windows(url):
  async with open_websocket_url(url, disconnect_timeout=1) as socket:
    first, second = [await message(socket, lambda m: "price_avg" in m) for _ in range(2)]
  assert (first["symbol"], second["seq"]) == ("BTC/USDT", first["seq"] + 1)


async def test_a_stream_of_a_spec_is_shown_under_serve(tmp_path):
  async with simulator() as venue:
    spec = tmp_path / "shown.yaml"
    spec.write_text(STREAM.format(url=venue.endpoint, more=""))
    async with served(str(spec), sim=False) as server:
      path = await server.told(rb"/ws/[0-9a-f]{16}")
      await two_windows(f"ws://127.0.0.1:{server.port}{path}")


async def test_a_stream_of_a_spec_is_shown_under_run(tmp_path):
  async with simulator() as venue:
    spec = tmp_path / "shown.yaml"
    spec.write_text(STREAM.format(url=venue.endpoint, more=", with: {port: 0}"))
    run = [*BOND, "run", str(spec), "--duration", "30s"]
    process = await trio.lowlevel.open_process(run, stderr=subprocess.PIPE)
    try:
      said = b""
      with trio.fail_after(60):
        while (found := re.search(rb"ws://\S+/ws/[0-9a-f]{16}", said)) is None:
          said += await process.stderr.receive_some()
      await two_windows(found[0].decode())
    finally:
      process.terminate()
      await process.wait()
      await process.stderr.aclose()


async def test_a_chain_of_the_servers_spec_is_read_by_its_asset(tmp_path):
  spec = tmp_path / "chain.yaml"
  spec.write_text("sources:\n  chain: {use: onchain.bitcoin}\n")
  async with served(str(spec)) as server, client(server.port) as one:
    wish = {"type": "subscribe", "id": 1, "channels": ["chain", "post"], "symbols": ["BTC"]}
    await one.send_message(json.dumps(wish))
    ack = await message(one, lambda m: m["type"] == "system")
    assert [(row["channel"], row["symbol"]) for row in ack["rejected"]] == [("post", "BTC/USDT")]
    assert ack["rejected"][0]["reason"] == "no source that runs here carries post"
    told = await message(one, lambda m: m["type"] == "chain")
    assert (told["chain"], told["symbol"]) == ("bitcoin", "BTC")
