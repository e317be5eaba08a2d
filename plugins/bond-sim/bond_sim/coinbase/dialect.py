"""Coinbase's dialect: public REST and the market data socket over its markets."""

from collections import Counter
from typing import Any

import attrs
import trio
from bond_simkit import (
  ClientConnection,
  ClientHandler,
  ConnectionPolicy,
  HttpRequest,
  HttpResponse,
  RateMeter,
  VenueTime,
  json_response,
)

from bond_sim.coinbase.markets import CoinbaseMarkets
from bond_sim.coinbase.sockets import MESSAGES, MESSAGES_SECONDS, CoinbaseClientHandler
from bond_sim.market.capture_files import RecordedAnswers
from bond_sim.market.paths import without_host
from bond_sim.market.rest import whole_number

PREFIX = "/api/v3/brokerage/"
CURRENCIES = "/v2/"
CONNECTS, REQUESTS = 8, 10
"""Of one address in a second."""


class CoinbaseDialect:
  """REST and the WebSocket on one port."""

  def __init__(self, markets: CoinbaseMarkets, clock: VenueTime, answers: RecordedAnswers) -> None:
    self.fanout = markets.fanout
    self._markets = markets
    self._clock = clock
    self._answers = answers
    self._violations: Counter[str] = Counter()
    self._connects = RateMeter(CONNECTS, 1.0)
    self._requests = RateMeter(REQUESTS, 1.0)
    self._messages = RateMeter(MESSAGES, MESSAGES_SECONDS)
    self._clients: dict[CoinbaseClientHandler, None] = {}

  async def run(self) -> None:
    async with trio.open_nursery() as nursery:
      nursery.start_soon(self._beat)
      await self._markets.run()
      # Recordings end; heartbeats do not.

  async def _beat(self) -> None:
    counter = 0
    while True:
      await trio.sleep(1.0)
      counter += 1
      for client in list(self._clients):
        client.beat(counter)

  async def http(self, request: HttpRequest) -> HttpResponse:
    request = attrs.evolve(request, path=without_host(request.path))
    if request.method != "GET" or not request.path.startswith((PREFIX, CURRENCIES)):
      return json_response({"error": f"the simulator has no {request.method} {request.path}"}, 404)
    if not self._requests.admit(request.peer):
      self._violations["requests a second"] += 1
      return self.refusal(429, 1.0)
    if (recorded := self._answers.respond(request)) is not None:
      return recorded
    try:
      return json_response(self._answer(request, request.path.removeprefix(PREFIX)))
    except KeyError:
      return json_response({"error": "NOT_FOUND", "message": "valid product_id is required"}, 404)

  def refusal(self, status: int, retry_after: float) -> HttpResponse:
    """The venue's response with a status, and seconds until it serves again."""
    body = {"error": "RESOURCE_EXHAUSTED", "message": "too many requests"}
    return json_response(body, status, (("retry-after", f"{retry_after:.0f}"),))

  def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    if without_host(request.path).strip("/"):
      return json_response({"error": f"the simulator has no websocket at {request.path}"}, 404)
    if not self._connects.admit(request.peer):
      self._violations["connects a second"] += 1
      return self.refusal(429, 1.0)
    return ConnectionPolicy()

  def opened(self, connection: ClientConnection) -> ClientHandler:
    client = CoinbaseClientHandler(
      self._markets,
      connection,
      self._clock,
      self._messages,
      self._violations,
      closed=self._clients.pop,
    )
    self._clients[client] = None
    return client

  def stats(self) -> dict[str, Any]:
    """The venue's rows of GET /_sim/stats."""
    return {"violations": self._violations, **self._markets.progress()}

  def _answer(self, request: HttpRequest, name: str) -> dict[str, Any]:
    kind = request.param("product_type")
    match name.split("/"):
      case ["", "v2", "currencies"]:
        return {"data": self._currencies(crypto=False)}
      case ["", "v2", "currencies", "crypto"]:
        return {"data": self._currencies(crypto=True)}
      case ["", "v2", "exchange-rates"]:
        rates = {row["base_currency_id"]: "1" for row in self._markets.products()}
        return {"data": {"currency": "USD", "rates": rates}}
      case ["market", "products"]:
        wanted = {value for key, value in request.query if key == "product_ids"}
        rows = [
          row
          for row in self._markets.products()
          if kind in (None, "SPOT") and (not wanted or row["product_id"] in wanted)
        ]
        return {"products": rows, "num_products": len(rows), "pagination": None}
      case ["market", "products", product]:
        return {row["product_id"]: row for row in self._markets.products()}[product]
      case ["market", "products", product, "ticker"]:
        trades = self._markets.trades(product, whole_number(request.param("limit"), 100, 1000))
        return {"trades": trades, "best_bid": "", "best_ask": ""}
      case ["market", "product_book"]:
        limit = whole_number(request.param("limit"), 1000, 1000)
        return {"pricebook": self._markets.book(request.param("product_id") or "", limit)}
      case ["time"]:
        now = self._clock.now_ms()
        return {"epochSeconds": str(now // 1000), "epochMillis": str(now)}
      case _:
        raise KeyError(name)

  def _currencies(self, *, crypto: bool) -> list[dict[str, Any]]:
    """ "Currencies" and "Cryptocurrencies" of the Coinbase App."""
    rows = self._markets.products()
    if not crypto:
      quotes = sorted({row["quote_currency_id"] for row in rows})
      return [{"id": name, "name": name, "min_size": "0.01"} for name in quotes]
    bases = sorted({row["base_currency_id"] for row in rows})
    return [
      {"code": name, "name": name, "exponent": 8, "type": "crypto", "asset_id": name}
      for name in bases
    ]
