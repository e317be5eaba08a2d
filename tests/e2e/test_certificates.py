"""A venue whose certificate is wrong for some seconds, over TLS as the real ones are."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import trio
import trustme
from serving import served
from test_demand import client, message
from venue import simulator

SPEC = """
name: certified
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
  book: {{use: binance.orderbook, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
"""
WISH = {
  "type": "subscribe",
  "channels": ["trades", "orderbook"],
  "exchanges": ["binance"],
  "symbols": ["BTC/USDT"],
}


class Front:
  """TLS in front of a simulated venue. `show` shows another certificate from now on, and ends the
  connections that there are."""

  def __init__(self, endpoint, certificate):
    self._port = int(endpoint.rpartition(":")[2])
    self._open = set()
    self.url = None
    self.show(certificate)

  def show(self, certificate):
    self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(self._context)
    for scope in self._open:
      scope.cancel()

  async def run(self, task_status=trio.TASK_STATUS_IGNORED):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    self.url = f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    await trio.serve_listeners(self._carry, listeners, task_status=task_status)

  async def _carry(self, plain):
    with trio.CancelScope() as scope:
      self._open.add(scope)
      try:
        secured = trio.SSLStream(plain, self._context, server_side=True, https_compatible=True)
        venue = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with secured, venue, trio.open_nursery() as nursery:
          await secured.do_handshake()
          nursery.start_soon(self._pass_on, secured, venue, scope)
          nursery.start_soon(self._pass_on, venue, secured, scope)
      except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    self._open.discard(scope)

  async def _pass_on(self, source, to, scope):
    async for data in source:
      await to.send_all(data)
    scope.cancel()


def refuses_certificate(heartbeat):
  """Whether a heartbeat says it; what else was unavailable in between may come first."""
  notices = heartbeat.get("info", {}).get("notices") or []
  said = "certificate of 127.0.0.1 was not accepted"
  return any(row["state"] == "unavailable" and said in row["reason"] for row in notices)


async def test_a_wrong_certificate_is_told_and_over_once_it_is_right(tmp_path, nursery):
  trusted, foreign = trustme.CA(), trustme.CA()
  trusted.cert_pem.write_to_path(tmp_path / "trusted.pem")
  yesterday = datetime.now(UTC) - timedelta(days=1)
  right = trusted.issue_cert("127.0.0.1")
  wrong = {
    "foreign": foreign.issue_cert("127.0.0.1"),
    "expired": trusted.issue_cert("127.0.0.1", not_before=yesterday, not_after=yesterday),
  }
  spec, environ = tmp_path / "certified.yaml", {"SSL_CERT_FILE": str(tmp_path / "trusted.pem")}
  async with simulator() as venue:
    # The first connection meets a wrong certificate, too.
    front = Front(venue.endpoint, wrong["foreign"])
    await nursery.start(front.run)
    spec.write_text(SPEC.format(url=front.url))
    async with (
      served(str(spec), sim=False, environ=environ) as server,
      client(server.port) as reader,
    ):
      await reader.send_message(json.dumps(WISH))
      with trio.fail_after(120):
        for certificate in wrong.values():
          front.show(certificate)
          await message(reader, refuses_certificate)
          front.show(right)
          for kind in ("trade", "orderbook"):
            event = await message(reader, lambda m, kind=kind: m["type"] == kind)
            assert event["exchange"] == "binance"
