"""Secrets that a server was given, and everything that it says while it uses them."""

import base64
import json
import re
import sys
import urllib.error
import urllib.request
from urllib.parse import quote

import trio
from serving import served
from venue import ROOT

from bond_core._ws.client import open_websocket

sys.path.insert(0, str(ROOT / "plugins" / "bond-redis" / "tests"))

from redis_server import Server

BEARER = "canary-of-x-AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0"
KEY = "canary-of-alice-0123456789abcdef"
PASSWORD = "canary-of-redis-0123456789abcdef"
SECRET = "canary-of-the-signing-secret-0123456789"
PLAIN = "application/openmetrics-text", "text/plain", "application/json"
SPEC = """\
name: watched
sources:
  trades: {use: binance.trades, with: {symbols: [BTC/USDT]}}
  posts:  {use: x.posts, with: {symbols: [BTC], bearer: {secret: X_BEARER}}}
"""


async def answer(url, body=None, method=None, **headers):
  """Status and all that was said, the headers too; errors are answers."""
  sent = {name.replace("_", "-"): value for name, value in headers.items()}
  if body is not None:
    sent["Content-Type"] = "application/json"
  request = urllib.request.Request(url, body, sent, method=method)

  def work():
    try:
      with urllib.request.urlopen(request, timeout=10) as found:
        return found.status, str(found.headers) + found.read().decode()
    except urllib.error.HTTPError as error:
      with error:
        return error.code, str(error.headers) + error.read().decode()

  return await trio.to_thread.run_sync(work)


async def some(url, wanted):
  """What a WebSocket gives, up to the first frame with these bytes."""
  said = []
  async with open_websocket(url) as socket:
    with trio.fail_after(60):
      while not any(wanted in frame for frame in said):
        said += await socket.receive()
  return b"\n".join(said).decode()


class Told:
  """All that came out of a server, by where it came from."""

  def __init__(self):
    self.said = {}
    self.canaries = [BEARER, KEY, PASSWORD, SECRET]

  async def get(self, url, expected, body=None, method=None, **headers):
    status, said = await answer(url, body, method, **headers)
    assert status == expected, (url, status, said)
    self.said[f"{method} {url} {sorted(headers)}"] = said
    return said

  def found(self):
    """Where a canary came out, in any of the forms in which it could."""
    forms = {
      form
      for canary in self.canaries
      for form in (canary, quote(canary, safe=""), base64.b64encode(canary.encode()).decode())
    }
    return [(place, form) for place, said in self.said.items() for form in forms if form in said]


async def scrape(told, api, broker, stream, token):
  """Everything that can be read, as somebody who may and as somebody who may not."""
  for accept in PLAIN:
    for url in (f"{api}/metrics", f"{broker}/metrics"):
      said = await told.get(url, 200, Accept=accept, X_API_Key=KEY)
      assert re.search("bond_|active_subscriptions|msgs_in", said)
  for path in ("/health", "/ready", "/openapi.json"):
    await told.get(f"{api}{path}", 200, X_API_Key=KEY)
  await told.get(f"{broker}/health", 200, X_API_Key=KEY)
  for path in ("", f"/{stream}", f"/{stream}/spec", f"/{stream}/schema", f"/{stream}/metrics"):
    await told.get(f"{api}/v1/streams{path}", 200, Authorization=f"Bearer {KEY}")
  wrong = {"X_API_Key": f"{KEY}x"}
  await told.get(f"{api}/v1/streams", 401, **wrong)
  await told.get(f"{api}/v1/streams?key={KEY}x", 401)
  await told.get(f"{api}/v1/streams/{KEY[:16]}", 404, X_API_Key=KEY)
  await told.get(f"{broker}/metrics?key={KEY}x", 401, **wrong)
  await told.get(
    f"{api}/v1/streams/{stream}", 403, method="DELETE", Authorization=f"Bearer {token}"
  )
  for body, expected in (
    ({"spec": {"sources": [{"type": "x.posts", "symbols": ["BTC"], "bearer": BEARER}]}}, 422),
    ({"spec": {"log": f"redis://:{PASSWORD}@h"}, "sources": []}, 422),
    ({"natural_language": 5, "key": KEY}, 422),
  ):
    await told.get(f"{api}/v1/streams", expected, json.dumps(body).encode(), X_API_Key=KEY)
  await told.get(f"{api}/v1/streams", 400, f"{{{KEY}".encode(), X_API_Key=KEY)
  port = int(broker.rpartition(":")[2])
  paths = (
    f"/ws/{stream}?token={token}x",
    f"/ws/{stream}?token={token}&from=soon",
    f"/ws/{'0' * 16}?token={token}",
    f"/ws/{stream}?token={BEARER}",
    f"/raw?exchange=nowhere&key={KEY}",
    f"/stream?key={KEY}x",
    f"/nothing?key={KEY}&token={token}",
  )
  async with trio.open_nursery() as nursery:
    for path in paths:
      nursery.start_soon(refusal, told, port, path)


async def refusal(told, port, path):
  """Notes all bytes that a WebSocket is answered with which is not to be let in."""
  asks = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  asks += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
  said = b""
  async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
    await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{asks}\r\n".encode())
    with trio.move_on_after(2):
      async for data in stream:
        said += data
  assert said.startswith(b"HTTP/1.1 "), path
  told.said[path] = said.decode(errors="replace")


async def test_no_secret_comes_out_of_a_server_that_uses_it(tmp_path):
  spec = tmp_path / "watched.yaml"
  spec.write_text(SPEC)
  redis = Server(tmp_path, "--requirepass", PASSWORD)
  await trio.to_thread.run_sync(redis.start)
  environ = {
    "X_BEARER": BEARER,
    "BOND_SECRET": SECRET,
    "BOND_API_KEYS": f"alice:{KEY}",
    "REDIS_URL": redis.url.replace("//", f"//:{PASSWORD}@"),
  }
  told = Told()
  options = "--log", "redis.streams", "--log-format", "json", "-vv", str(spec)
  try:
    async with served(*options, data=tmp_path / "data", environ=environ) as server:
      api = await server.told(rb"(?<=api: )http://127\.0\.0\.1:\d+")
      broker = f"http://127.0.0.1:{server.port}"
      made = await answer(
        f"{api}/v1/streams",
        json.dumps({"natural_language": "BTC price every 1s"}).encode(),
        X_API_Key=KEY,
      )
      assert made[0] == 201, made
      stream, token = (
        re.search(f'"{name}": ?"([^"]+)"', made[1])[1] for name in ("stream_id", "access_token")
      )
      signature = token.rpartition(".")[2]
      told.canaries += [token, signature, signature[:20]]
      sockets = broker.replace("http", "ws")
      told.said["windows"] = await some(f"{sockets}/ws/{stream}?token={token}", b"price_avg")
      # They come with the token, from an X that asks for one.
      told.said["posts"] = await some(f"{sockets}/raw?channels=post&key={KEY}", b'"tweet_id"')
      x = await server.told(rb"(?<=bond sim x at )http://127\.0\.0\.1:\d+")
      for fault in ("5xx:1", "drop"):
        body = json.dumps({"fault": fault}).encode()
        await told.get(f"{x}/_sim/faults", 201, body, Authorization=f"Bearer {BEARER}")
      await server.told(b"connecting again")
      await scrape(told, api, broker, stream, token)
  finally:
    redis.leave()
  told.said["log"] = log = server.errors.decode()
  lines = [json.loads(line) for line in log.splitlines() if line]
  assert {"bond", "bond.x"} <= {line["logger"] for line in lines}
  assert told.found() == []
