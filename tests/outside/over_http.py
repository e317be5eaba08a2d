"""The control plane as a stranger uses it: HTTP requests to its address."""

import json
import urllib.error
import urllib.request

import trio


async def api_of(server):
  """The address of a server's control plane."""
  return (await server.told(rb"api: http://127\.0\.0\.1:\d+")).removeprefix("api: ")


async def request(method, url, body=None, key=None):
  """The status and the answer of one request, with an API key or without."""
  headers = {"Content-Type": "application/json"} | ({} if key is None else {"X-API-Key": key})
  data = None if body is None else json.dumps(body).encode()

  def work():
    made = urllib.request.Request(url, data, headers, method=method)
    try:
      with urllib.request.urlopen(made, timeout=20) as answer:
        return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as exc:
      return exc.code, json.loads(exc.read())

  return await trio.to_thread.run_sync(work)
