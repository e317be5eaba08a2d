"""Streams on demand, on asyncio, trio and threads, against a real server."""

import asyncio

import httpx
import pytest
import trio
from ekko import ApiError, EkkoClient, listen
from running import running

REQUEST = "BTC price every 500ms"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
  # Tokens last two seconds, so that listening needs a new one.
  with running("--token-ttl", "2s", data=tmp_path_factory.mktemp("ekko")) as found:
    yield found


async def four_windows(api):
  found = []
  async with listen(REQUEST, api_url=api) as windows:
    async for window in windows:
      found.append(window)
      if len(found) == 4:
        return found


def whole(windows):
  return [w["seq"] for w in windows] == list(range(windows[0]["seq"], windows[0]["seq"] + 4))


def test_a_sentence_is_listened_to_on_asyncio(server):
  assert whole(asyncio.run(four_windows(server.api)))


def test_a_sentence_is_listened_to_on_trio(server):
  assert whole(trio.run(four_windows, server.api))


def test_a_sentence_is_listened_to_in_a_thread_and_over_expired_tokens(server):
  windows = []
  for window in EkkoClient(server.api).listen_sync(REQUEST):
    windows.append(window["seq"])
    if len(windows) == 8:
      break
  assert windows == list(range(windows[0], windows[0] + 8))


def test_what_cannot_be_started_says_why(server):
  async def listen_for_nonsense():
    await EkkoClient(server.api).create("hello")

  with pytest.raises(ApiError, match="Ask for live data") as error:
    asyncio.run(listen_for_nonsense())
  assert error.value.status == 422
  assert error.value.problem["understood"]["outcome"] == "reject"


def test_streams_are_listed_measured_and_deleted(server):
  async def work():
    client = EkkoClient(server.api)
    made = await client.create({"sources": {"t": {"use": "clock.ticks"}}})
    stream = made["stream_id"]
    assert stream in [one["stream_id"] for one in await client.streams()]
    assert (await client.metrics(stream))["stream_id"] == stream
    assert (await client.token(stream))["expires_in_sec"] == 2
    await client.delete(stream)
    assert stream not in [one["stream_id"] for one in await client.streams()]

  asyncio.run(work())


def test_an_address_without_a_control_plane_is_named():
  client = EkkoClient("http://127.0.0.1:9")
  with pytest.raises(
    httpx.ConnectError, match=r"no control plane answers at http://127\.0\.0\.1:9"
  ):
    next(client.listen_sync("BTC price every 1s"))
  with pytest.raises(httpx.ConnectError, match="or name one with api_url or EKKO_API_URL"):
    asyncio.run(client.streams())
