"""What the tools say of themselves, and how they answer."""

import json

import pytest
import trio
from bond_mcp.desk import check_arguments
from bond_mcp.sdk import answered, listed, make_server
from bond_mcp.tools import ADVANCE, INSTRUCTIONS, TOOLS
from bond_server.answers import QuestionRefused
from desks import ANSWER, Desk
from mcp.client.client import Client


def as_listed():
  tools = listed((*TOOLS, ADVANCE))
  return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


def test_all_tools_together_cost_less_than_2500_tokens():
  """A token is about four characters of such text; other servers' lists cost 13,000."""
  assert len(as_listed()) <= 10
  assert len(json.dumps(as_listed())) / 4 < 2_500
  assert len(json.dumps([t["description"] for t in as_listed()])) / 4 < 400
  assert len(INSTRUCTIONS) / 4 < 150


def test_each_answer_promises_what_says_how_fresh_it_is():
  for tool in as_listed():
    assert {"as_of", "age_ms", "state", "fresh", "cursor", "gaps"} == set(
      tool["outputSchema"]["required"]
    )
    assert tool["inputSchema"]["additionalProperties"] is False
  assert [tool["name"] for tool in as_listed() if "annotations" not in tool] == [
    "stream",
    "advance",
  ]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_is_told_the_same_as_text_and_as_data(mode):
  desk = Desk()
  async with Client(make_server(desk), mode=mode) as client:
    names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == [tool.name for tool in TOOLS]
    result = await client.call_tool("quote", {"symbol": "BTC/USDT"})
  assert result.structured_content == ANSWER
  assert json.loads(result.content[0].text) == ANSWER
  assert desk.asked == [("quote", {"symbol": "BTC/USDT"})]


@pytest.mark.parametrize(
  ("tool", "arguments", "sentence"),
  [
    ("sell", {}, "there is no such tool"),
    ("quote", {}, "quote needs symbol"),
    ("quote", {"symbol": "BTC", "colour": "red"}, "no other argument"),
    ("quote", {"symbol": 5}, "symbol is of type string"),
    ("book", {"symbol": "BTC", "depth": True}, "depth is of type integer"),
    ("since", {"events": "yes"}, "events is of type boolean"),
    ("wait_until", {"where": "price > 1", "timeout": "long"}, "timeout is of type number"),
  ],
)
def test_arguments_are_checked_before_anything_is_asked(tool, arguments, sentence):
  with pytest.raises(QuestionRefused, match=sentence):
    check_arguments(tool, arguments)


async def test_a_refusal_is_an_error_that_says_what_to_do():
  async def refuse():
    raise QuestionRefused(429, "too much", quoted={"reason": "<venue>"}, retry_after=2.2)

  result = await answered(Desk(refuse), "quote", {})
  assert (result.is_error, result.structured_content) == (True, None)
  assert json.loads(result.content[0].text) == {
    "error": "too much",
    "status": 429,
    "retry_after_s": 2,
    "untrusted": {"reason": "<venue>"},
  }


async def test_a_fault_ends_one_call_and_says_nothing_of_the_inside(caplog):
  async def fail():
    raise RuntimeError("the password is 1234")

  async with Client(make_server(Desk(fail))) as client:
    result = await client.call_tool("quote", {"symbol": "BTC"})
    assert result.is_error
    assert "1234" not in result.content[0].text
    assert (await client.list_tools()).tools
  assert "the tool quote failed" in caplog.text


async def test_what_hangs_ends_in_time(autojump_clock):
  result = await answered(Desk(trio.sleep_forever), "quote", {})
  assert json.loads(result.content[0].text)["status"] == 504
