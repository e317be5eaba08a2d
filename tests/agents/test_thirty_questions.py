"""Thirty questions over every transport and both protocol versions, beside a reader of /stream:
what agents are told is what the log has under the same numbers."""

import json
import sys
from contextlib import asynccontextmanager

import pytest
import trio
from bond_mcp.desk import LocalDesk
from bond_mcp.http import McpApp
from bond_mcp.inside import server_inside
from bond_mcp.sdk import make_server
from bond_server.access.chain import LOCAL
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

from bond_core import Registry, load_spec
from tests.agents.reader import reading
from tests.agents.thirty import QUESTIONS, common

VENUES = ("binance", "okx")
SYMBOLS = ["BTC/USDT", "ETH/USDT", "BTC/USDT:USDT"]


def spec():
  """The venues that are simulated, and nothing that runs from the start."""
  sources = {
    f"{venue}-{channel}": {"use": f"{venue}.{channel}", "with": {"symbols": ["BTC/USDT"]}}
    for venue in VENUES
    for channel in ("ticker",)
  }
  text = json.dumps({"name": "base", "sources": sources})
  return load_spec(text, registry=Registry())


@asynccontextmanager
async def serving():
  async with server_inside(Registry(), [spec()], simulate=True) as server:
    server.doors.answer("/mcp", McpApp(server))
    (api,) = server.addresses["api"]
    (broker,) = server.addresses["broker"]
    yield server, api, broker


async def ask_all(client, reader):
  """Asks everything; what was answered, with what was asked."""
  found, cursor = [], None
  for question in QUESTIONS:
    asked = dict(question.arguments)
    if "cursor" in asked:
      asked["cursor"] = cursor
    with trio.fail_after(60):
      result = await client.call_tool(question.tool, asked)
    assert not result.is_error, (question.text, result.content[0].text)
    answer = result.structured_content
    assert json.loads(result.content[0].text) == answer
    cursor = answer["cursor"]
    found.append((question, asked, answer))
  last = max(int(answer["cursor"].rpartition(":")[2]) for _, _, answer in found)
  with trio.fail_after(60):
    while reader.head < last:
      await trio.sleep(0.05)
  return found


async def check(client, url):
  async with reading(url, SYMBOLS, list(VENUES)) as reader:
    # The books have come before questions about them are answered from other numbers.
    with trio.fail_after(60):
      while len({(b["exchange"], b["symbol"], b["market_type"]) for b in reader.books}) < 6:
        await trio.sleep(0.05)
    found = await ask_all(client, reader)
    for question, asked, answer in found:
      common(answer, reader, asked)
      try:
        question.check(answer, reader, asked)
      except (AssertionError, KeyError) as exc:
        raise AssertionError(f"{question.text}\n{json.dumps(answer)}") from exc
    # The log is younger than what the reader named.
    assert [gap for gap in reader.gaps if gap["reason"] != "expired"] == []
    return any(answer.get("columns") for _, _, answer in found)


def clients_of(server, api):
  """A client for each transport, with the version of the protocol that it speaks."""
  command = ["-m", "bond_core", "mcp", "--url", api]
  stdio = StdioServerParameters(command=sys.executable, args=command)
  inside = make_server(LocalDesk(server.answers, LOCAL))
  return {
    "http": (Client(f"{api}/mcp"), "2026-07-28"),
    "stdio": (Client(stdio, mode="legacy"), "2025-11-25"),
    "memory": (Client(inside), "2026-07-28"),
    "http, legacy": (Client(f"{api}/mcp", mode="legacy"), "2025-11-25"),
  }


async def ask_over(*transports):
  async with serving() as (server, api, broker):
    clients = clients_of(server, api)
    for transport in transports:
      client, version = clients[transport]
      async with client:
        assert client.session.protocol_version == version
        had_windows = await check(client, f"{broker}/stream")
  assert had_windows


async def test_thirty_questions():
  await ask_over("http", "stdio")


@pytest.mark.slow
async def test_thirty_questions_over_every_transport_and_version():
  await ask_over("memory", "http", "http, legacy", "stdio")


def test_there_are_thirty():
  assert len(QUESTIONS) == 30
  assert len({question.text for question in QUESTIONS}) == 30
