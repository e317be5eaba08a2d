"""What a request in English means is the same object wherever it is asked: on the command line, on
the control plane's routes and by an agent."""

import pytest
from bond_commandkit import TextToSpec
from desks import serving
from mcp.client.client import Client

from bond_core import Registry

STARTS = [
  "BTC price every 5s",
  "ETH trades on okx",
  "btc pirce on binance",
  "BTC and ETH order book, depth 20",
  "liquidations but not longs, BTC",
  "BTC/USDT",
  "whale BTC trades over $1m",
  "15m candles of SOL on okx",
]
DOES_NOT = [
  "BTC trades above 0.75 on okx",
  "BTC price and dominance every 30s",
  "10 BTC and ETH trades",
  "ETH gas ethereum volume buys",
  "XEC transfers",
  "AAPL price",
  "buy 1 BTC",
  "BTC price last week",
  "hello",
  "ratio of BTC to ETH price",
  "BTC trades over 5%",
  "flurbs of BTC",
]


@pytest.fixture(scope="module")
def explained():
  """What `bond explain --json` says, of a text from outside."""
  reader = TextToSpec(Registry(), trusted=False)
  return lambda text: reader.read(text).understood()


async def test_explain_the_routes_and_agents_say_the_same_of_twenty_requests(explained):
  async with serving() as (_, http), Client(f"{http.base_url}/mcp") as agent:
    for text in (*STARTS, *DOES_NOT):
      told = explained(text)
      assert told["can_start"] is (text in STARTS), (text, told["problems"])
      parsed = await http.post("/v1/streams/parse", json={"natural_language": text})
      assert parsed.json()["understood"] == told
      if told["can_start"]:
        continue
      assert told["problems"], text
      refused = await http.post("/v1/streams", json={"natural_language": text})
      assert (refused.status_code, refused.json()["understood"]) == (422, told)
      answer = await agent.call_tool("stream", {"english": text, "budget": 8000})
      found = answer.structured_content
      assert (found["started"], found["understood"]) == (False, told), text


async def test_an_answer_that_has_to_be_short_says_first_whether_it_starts(explained):
  async with serving() as (_, http), Client(f"{http.base_url}/mcp") as agent:
    text = "BTC trades above 0.75 on okx"
    answer = await agent.call_tool("stream", {"english": text, "budget": 400})
    found, told = answer.structured_content["understood"], explained(text)
    assert set(found) < set(told)
    assert found["can_start"] is False
    assert {key: told[key] for key in found} == found
