"""Refusals of the venue become sentences that say what to do."""

import json

import pytest
from bond_binance.refusals import explain


@pytest.mark.parametrize(
  ("status", "body", "told"),
  [
    (
      451,
      {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. El…"},
      "(HTTP 451) (Service unavailable from a restricted location according to 'b. El…): run Bond",
    ),
    (451, b"<html>", "`endpoint: data-only`"),
    (403, b"<html>Forbidden</html>", "Binance's firewall refused this address (HTTP 403)"),
    (
      418,
      {"code": -1003, "msg": "Way too much request weight used; IP banned until 1723161256322. P"},
      "banned this address for a while (HTTP 418) until 2024-08-08 23:54:16 UTC; Bond waits",
    ),
    (418, b"", "banned this address for a while (HTTP 418); Bond waits"),
    (
      429,
      {"code": -1003, "msg": "Too many requests queued."},
      "request limit for this address is used up (HTTP 429) (Too many requests queued); Bond waits",
    ),
    (400, {"code": -1003, "msg": "Too many requests."}, "request limit for this address"),
    (400, {"code": -1121, "msg": "Invalid symbol."}, "check its spelling and the market"),
    (
      503,
      {"code": -1016, "msg": "This service is no longer available."},
      "Binance is under maintenance or shutting a service down (HTTP 503)",
    ),
    (503, {"code": 0, "msg": "Service Unavailable."}, "Binance is under maintenance"),
    (500, {"code": -1001, "msg": "Internal error"}, "internal problem (HTTP 500) (Internal error)"),
    (502, b"\xff\xfe", "internal problem (HTTP 502); Bond tries again by itself"),
    (404, b"", "check `endpoint`"),
  ],
)
def test_a_refusal_says_what_to_do(status, body, told):
  data = body if isinstance(body, bytes) else json.dumps(body).encode()
  assert told in explain(status, data)


def test_what_is_usual_needs_no_words():
  assert explain(200, b"{}") is None
  assert explain(400, b'{"code":-1100,"msg":"Illegal characters"}') is None
