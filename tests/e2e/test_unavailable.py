"""A venue that refuses for some seconds, as clients of `bond serve` see it."""

import json

import trio
from serving import served
from test_demand import client, message
from venue import simulator

SPEC = """
name: refused
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
"""
WISH = {
  "type": "subscribe",
  "channels": ["trades"],
  "exchanges": ["binance"],
  "symbols": ["BTC/USDT"],
}


async def test_a_refusal_that_passes_is_shown_and_refuses_no_later_client(tmp_path):
  spec = tmp_path / "refused.yaml"
  async with simulator("--fault", "403:5s") as venue:
    spec.write_text(SPEC.format(url=venue.endpoint))
    async with served(str(spec), sim=False) as server, client(server.port) as one:
      await one.send_message(json.dumps(WISH))
      with trio.fail_after(60):
        told = await message(one, lambda m: m["info"].get("notices") if "info" in m else None)
        [row] = told["info"]["notices"]
        assert (row["exchange"], row["state"]) == ("binance", "unavailable")
        assert "403" in row["reason"]
        assert told["info"]["sources"] == {"binance": "unavailable"}
        async with client(server.port) as later:
          await later.send_message(json.dumps(WISH))
          ack = await message(later, lambda m: m["type"] == "system")
          assert ack["rejected"] == []
          trade = await message(later, lambda m: m["type"] == "trade")
          assert trade["exchange"] == "binance"
        # The heartbeat after the change comes early, not 30 s after the last one.
        since = trio.current_time()
        over = await message(one, lambda m: m["type"] == "heartbeat" and "notices" not in m["info"])
        assert over["info"]["sources"] == {"binance": "simulated"}
        assert trio.current_time() - since < 15
