"""Answers without end, and such that unpack to gigabytes, are given up through ccxt."""

import asyncio
import gzip
from types import SimpleNamespace

import ccxt
import ccxt.async_support
import pytest
from aiohttp import web
from bond_ccxt.bodies import MOST_BYTES
from bond_ccxt.shared import _close, _made

MOST = 1_000_000
SENT = web.AppKey("sent", list)


async def endless(request):
  answer = web.StreamResponse(headers={"Content-Type": "application/json"})
  await answer.prepare(request)
  try:
    while True:
      await answer.write(b" " * 100_000)
      request.app[SENT].append(100_000)
  except ConnectionError:
    return answer


async def bomb(request):
  packed = gzip.compress(bytes(200_000_000), 1)
  headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
  return web.Response(body=packed, headers=headers)


async def short(request):
  return web.json_response({"list": [1] * 100_000})


async def fetched(path):
  """What ccxt makes of an answer, and how much the venue had sent by then."""
  app = web.Application()
  app[SENT] = []
  for handler in (endless, bomb, short):
    app.router.add_get(f"/{handler.__name__}", handler)
  runner = web.AppRunner(app)
  await runner.setup()
  site = web.TCPSite(runner, "127.0.0.1", 0)
  await site.start()
  port = site._server.sockets[0].getsockname()[1]
  none = dict.fromkeys(("api_key", "api_secret", "password", "endpoint"))
  config = SimpleNamespace(exchange="kraken", options={}, **none)
  exchange = _made(ccxt.async_support.kraken, config).exchange
  try:
    return await exchange.fetch(f"http://127.0.0.1:{port}/{path}"), sum(app[SENT])
  except ccxt.BaseError as exc:
    return exc, sum(app[SENT])
  finally:
    await _close(exchange)
    await runner.cleanup()


@pytest.mark.parametrize("path", ["endless", "bomb"])
def test_an_answer_that_is_too_long_is_given_up(monkeypatch, path):
  monkeypatch.setattr("bond_ccxt.bodies.MOST_BYTES", MOST)
  found, sent = asyncio.run(fetched(path))
  assert isinstance(found, ccxt.BaseError)
  assert "longer than" in str(found.__cause__)
  # Sockets hold some more.
  assert sent < 20 * MOST


def test_others_are_as_they_were(monkeypatch):
  monkeypatch.setattr("bond_ccxt.bodies.MOST_BYTES", MOST)
  found, _ = asyncio.run(fetched("short"))
  assert found == {"list": [1] * 100_000}
  assert MOST_BYTES >= 32 * 1024 * 1024, "lists of all markets are long"
