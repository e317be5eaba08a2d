"""/mcp on the control plane's port: who is let in, and what goes wrong with one request alone."""

import json
from functools import partial

import mcp.server.streamable_http_manager as manager
import pytest
import trio
from bond_mcp.remote import RemoteDesk
from bond_server.answers import QuestionRefused
from desks import HEADERS, message, serving
from mcp.client.client import Client

KEY = "1f6a2c93d07b48e5a1c2f3047b5d6e89"
TOKEN_HEADERS = {**HEADERS, "Authorization": f"Bearer {KEY}"}


async def call(http, method, *, headers=HEADERS, **params):
  return await http.post("/mcp", json=message(method, **params), headers=headers)


async def test_both_versions_are_served():
  async with serving() as (_, http):
    url = f"{http.base_url}/mcp"
    for mode, version in (("auto", "2026-07-28"), ("legacy", "2025-11-25")):
      async with Client(url, mode=mode) as client:
        assert client.session.protocol_version == version
        result = await client.call_tool("markets", {})
        assert result.structured_content["state"] == "stale"


async def test_nothing_is_kept_between_two_requests():
  async with serving() as (_, http):
    for number in range(3):
      answer = await call(http, "tools/list")
      assert answer.status_code == 200
      assert "mcp-session-id" not in answer.headers
      assert len(answer.json()["result"]["tools"]) == 9, number


async def test_a_key_is_shown_as_a_bearer_and_a_wrong_one_is_refused(monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY}")
  async with serving() as (_, http):
    assert (await call(http, "tools/list", headers=TOKEN_HEADERS)).status_code == 200
    wrong = {**HEADERS, "Authorization": "Bearer nothing-of-the-kind-0123456789"}
    answer = await call(http, "tools/list", headers=wrong)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "0123456789" not in answer.text


@pytest.mark.parametrize(
  ("header", "status"),
  [({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil"}, 421)],
)
async def test_pages_and_names_are_checked_as_everywhere(header, status):
  async with serving() as (_, http):
    answer = await call(http, "tools/list", headers={**HEADERS, **header})
    assert answer.status_code == status


async def test_a_body_that_is_too_large_or_no_message_is_refused():
  async with serving() as (_, http):
    big = await http.post("/mcp", content=b'"' + b"a" * 300_000 + b'"', headers=HEADERS)
    assert big.status_code == 413
    for content in (b"", b"{", b"[]", b"null", b"\xff"):
      headers = {**HEADERS, "Content-Type": "application/json"}
      answer = await http.post("/mcp", content=content, headers=headers)
      assert 400 <= answer.status_code < 500, content
    assert (await http.get("/health")).status_code == 200


async def test_what_the_sdk_raises_ends_one_request(monkeypatch, caplog):
  async with serving() as (_, http):

    async def broken(self, *given):
      raise ExceptionGroup("inside", [ValueError("a fault of the SDK")])

    with monkeypatch.context() as patched:
      patched.setattr(manager.StreamableHTTPSessionManager, "handle_request", broken)
      assert (await call(http, "tools/list")).status_code == 500
    assert (await call(http, "tools/list")).status_code == 200
  assert "a fault of the SDK" in caplog.text


async def test_what_hangs_in_the_sdk_ends_in_time(monkeypatch):
  monkeypatch.setattr("bond_mcp.http.REQUEST_WITHIN", 0.1)

  async def hangs(self, *given):
    await trio.sleep_forever()

  monkeypatch.setattr(manager.StreamableHTTPSessionManager, "handle_request", hangs)
  async with serving() as (_, http):
    assert (await call(http, "tools/list")).status_code == 504


async def test_a_client_that_goes_waits_for_nothing():
  async with serving() as (server, http):
    with trio.move_on_after(0.5):
      await call(
        http,
        "tools/call",
        name="wait_until",
        arguments={"where": "price > 1", "symbol": "BTC/USDT", "exchange": "binance"},
      )
    with trio.fail_after(60):
      while server.answers.allowances.waiting:
        await trio.sleep(0.01)


async def test_one_key_has_not_all_places(monkeypatch):
  monkeypatch.setattr("bond_mcp.http.MOST_OF_ONE", 2)
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY},bob:{KEY[::-1]}")
  waits = {"where": "price > 1", "symbol": "BTC/USDT", "exchange": "binance", "timeout": 30}
  async with serving() as (server, http), trio.open_nursery() as nursery:
    for _ in range(2):
      nursery.start_soon(
        partial(call, http, "tools/call", headers=TOKEN_HEADERS, name="wait_until", arguments=waits)
      )
    with trio.fail_after(60):
      while server.answers.allowances.waiting.total() < 2:
        await trio.sleep(0.01)
    refused = await call(http, "tools/list", headers=TOKEN_HEADERS)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    bob = {**HEADERS, "Authorization": f"Bearer {KEY[::-1]}"}
    assert (await call(http, "tools/list", headers=bob)).status_code == 200
    nursery.cancel_scope.cancel()


async def test_a_body_that_does_not_come_is_answered_as_on_every_route():
  async with serving(request_within=0.2) as (_, http):
    host, port = http.base_url.host, http.base_url.port
    for path in ("/mcp", "/v1/streams"):
      stream = await trio.open_tcp_stream(host, port)
      head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 100\r\n"
      await stream.send_all(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
      with trio.fail_after(60):
        answer = await stream.receive_some()
      assert b" 408 " in answer.partition(b"\r\n")[0], (path, answer)
      await stream.aclose()


async def test_a_stream_is_made_as_over_rest_and_within_the_same_limits():
  async with serving(max_streams=1) as (_, http):

    async def make(**arguments):
      answer = await call(http, "tools/call", name="stream", arguments=arguments)
      result = answer.json()["result"]
      return result, json.loads(result["content"][0]["text"])

    ticks = {"sources": {"c": {"use": "clock.ticks", "with": {"seconds": 1}}}}
    _, made = await make(spec=ticks)
    assert (made["started"], made["new"]) == (True, True)
    _, again = await make(spec=ticks)
    assert (again["stream_id"], again["new"]) == (made["stream_id"], False)
    assert [stream["stream_id"] for stream in (await http.get("/v1/streams")).json()] == [
      made["stream_id"]
    ]
    result, refused = await make(
      spec={"sources": {"c": {"use": "clock.ticks", "with": {"seconds": 2}}}}
    )
    assert (result["isError"], refused["status"]) == (True, 429)
    result, closed = await make(
      spec={"sources": {"c": {"use": "core.replay", "with": {"path": "/etc/passwd"}}}}
    )
    assert (result["isError"], closed["status"]) == (True, 422)
    _, asked = await make(english="gold at the seaside")
    assert asked["started"] is False
    assert asked["questions"]


async def test_another_server_answers_every_tool_about_a_stream():
  async with serving() as (_, http):
    spec = {"sources": {"clock": {"use": "clock.ticks", "with": {"seconds": 0.02}}}}
    desk = RemoteDesk(http)
    stream = (await desk.ask("stream", {"spec": spec}))["stream_id"]
    for tool, more in (
      ("window", {}),
      ("since", {"cursor": "now-9s"}),
      ("wait_until", {"where": "price > 1", "timeout": 0}),
    ):
      assert (await desk.ask(tool, {"stream": stream, **more}))["cursor"], tool
    with pytest.raises(QuestionRefused, match="a symbol is"):
      await desk.ask("window", {})
