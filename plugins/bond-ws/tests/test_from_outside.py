"""A spec from outside whose URL has a public name that leads back to this machine."""

import socket

import trio

from bond_core import Registry, load_spec, run
from bond_core._ssrf import PORTS

SPEC = """
sources:
  a:
    use: ws.custom
    with: {url: "ws://stream.example.com:PORT/", map: [{emit: custom, event_type: x}]}
"""


class Home(trio.abc.HostnameResolver):
  """Every name is this machine."""

  async def getaddrinfo(self, host, port, *_, **__):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

  async def getnameinfo(self, sockaddr, flags):
    raise NotImplementedError


async def test_a_name_that_leads_home_ends_the_source_and_nobody_is_connected_to(
  nursery, tmp_path, monkeypatch, caplog
):
  connections = 0

  async def canary(stream):
    nonlocal connections
    connections += 1
    await stream.aclose()

  listeners = await nursery.start(trio.serve_tcp, canary, 0)
  port = listeners[0].socket.getsockname()[1]
  monkeypatch.setattr("bond_core._ssrf.PORTS", PORTS | {port})
  trio.socket.set_custom_hostname_resolver(Home())
  spec = load_spec(SPEC.replace("PORT", str(port)), registry=Registry(), trusted=False)
  with trio.fail_after(60):
    result = await run(spec, duration=5)
  nursery.cancel_scope.cancel()
  assert result.failures
  assert "stream.example.com resolves to an address that is not public" in caplog.text
  assert connections == 0
