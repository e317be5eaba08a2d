"""The page for agents: its configurations start what they say, its lists are complete, and its
figures are right."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from bond_mcp.remote import ROUTES
from bond_mcp.sdk import listed
from bond_mcp.tools import ADVANCE, TOOLS
from bond_server.answers import BUDGET, AnswerLimits
from bond_server.answers.arguments import WAIT_MOST
from bond_server.answers.freshness import LIVE_MS
from bond_server.answers.questions.common import FIRST_WITHIN
from bond_server.answers.watches import LINGER
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.S | re.M)]


def test_every_tool_is_there_with_its_route():
  rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| `[A-Z]+ ([^`?]+)[^`]*` \|$", PAGE, re.M))
  assert list(rows) == [tool.name for tool in (*TOOLS, ADVANCE)]
  assert rows == ROUTES | {"stream": "/v1/streams", "advance": "/v1/advance"}


def test_its_figures_are_those_of_the_code():
  limits = AnswerLimits()
  for text in (
    f"{limits.calls_a_minute:,} questions a minute",
    f"{limits.markets} markets",
    f"{limits.unknown_a_minute} questions a minute about",
    f"{limits.waiting} that wait",
    f"within at most {WAIT_MOST:.0f} s",
    f"({BUDGET:,} by default",
    f"at most {LIVE_MS // 1000} s old",
    f"waits up to {FIRST_WITHIN:.0f} s",
  ):
    assert text in " ".join(PAGE.split()), text
  assert LINGER == 120
  for name, of in (("bond-mcp", TOOLS), ("bond-mcp on a recording", (*TOOLS, ADVANCE))):
    shown = re.search(rf"\| {name} \| (\d+) \| ([\d,]+) \|", PAGE)
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed(of)]
    assert int(shown[1]) == len(tools)
    assert abs(int(shown[2].replace(",", "")) - len(json.dumps(tools)) / 4) < 150


def test_an_answer_is_shown_as_answers_are():
  (answer,) = [block for block in BLOCKS if "as_of" in block]
  required = TOOLS[0].output_schema["required"]
  assert set(answer) >= set(required)
  (quote,) = answer["quotes"]
  assert quote["spread"] == round(quote["ask"] - quote["bid"], 2)


# The first starts a simulator of every venue.
@pytest.mark.parametrize("key", [pytest.param("mcpServers", marks=pytest.mark.slow), "servers"])
async def test_its_configurations_start_a_server(key):
  (found,) = [block[key]["bond"] for block in BLOCKS if key in block]
  assert found["command"] == "bond"
  arguments = found["args"]
  if key == "servers":
    # The page's other servers are real venues, whose sources start with the first question alone.
    assert arguments == ["mcp"]
  command = StdioServerParameters(
    command=sys.executable, args=["-m", "bond_core", *arguments], env=dict(os.environ)
  )
  async with Client(command) as client:
    result = await client.call_tool("markets", {})
    assert {row["exchange"] for row in result.structured_content["exchanges"]} >= {"binance", "okx"}
    if "--sim" in arguments:
      asked = {"symbol": "BTC/USDT", "exchange": "okx"}
      result = await client.call_tool("quote", asked)
      assert result.structured_content["state"] == "simulated"
