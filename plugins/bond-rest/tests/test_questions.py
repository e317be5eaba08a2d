"""Questions about markets over REST: the answers that tools of agents get."""

import pytest
from control_plane import serving, ticks

from bond_core import Ticker, Trade

KEY = "1f6a2c93d07b48e5a1c2f3047b5d6e89"


def carries(server, monkeypatch):
  """Every market can be had here, whatever the venue."""

  async def found(self, caller, channels, market, exchange):
    from bond_server.answers.watches import Watch

    return Watch(exchange, None, 0, continues=True, used_at=0.0)

  monkeypatch.setattr("bond_server.answers.watches.Watches.need", found)
  clock = server.clock
  common = {"exchange": "okx", "symbol": "BTC/USDT", "market_type": "spot"}
  times = {"ts_event": clock.now_ms(), "ts_internal": clock.mono_ns()}
  ticker = Ticker(**common, **times, bid=100.5, ask=100.75, last=100.6)
  trade = Trade(**common, **times, price=100.6, size=2.0)
  return server.log.ring.append([ticker, trade])


async def test_each_route_answers_as_its_tool(api, monkeypatch):
  number = carries(api.server, monkeypatch)
  for path, more in (
    ("/v1/markets", {}),
    ("/v1/markets?search=btc&budget=500", {}),
    ("/v1/markets/BTC/USDT/quote?exchange=okx", {"symbol": "BTC/USDT"}),
    ("/v1/markets/BTC-USDT/quote?exchange=okx", {"symbol": "BTC/USDT"}),
    ("/v1/markets/BTC%2FUSDT/window?exchange=okx&every=1s&last=3", {}),
    ("/v1/sources", {"sources": []}),
    (f"/v1/since?cursor={api.server.log.epoch}:{number - 1}", {"events_seen": 2}),
    ("/v1/wait_until?where=price>1&symbol=BTC/USDT&exchange=okx&cursor=now-5s", {"matched": True}),
    ("/v1/wait_until?where=price>900&symbol=BTC&exchange=okx&timeout=0", {"matched": False}),
  ):
    answer = await api.call("GET", path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) >= {"as_of", "age_ms", "state", "fresh", "cursor", "gaps"}
    assert found | more == found, path
  quote = (await api.call("GET", "/v1/markets/BTC/USDT/quote?exchange=okx")).json()
  (row,) = quote["quotes"]
  assert (row["bid"], row["ask"], row["last"], row["seq"]) == (100.5, 100.75, 100.6, number)


@pytest.mark.parametrize(
  ("path", "status", "sentence"),
  [
    ("/v1/markets/BTC/USDT/quote?exchange=kraken", 404, "cannot be had"),
    ("/v1/markets/BTC/USDT/quote?budget=many", 422, "budget: "),
    ("/v1/markets/BTC/USDT/quote?budget=1", 422, "budget is a whole number"),
    ("/v1/markets/BTC/USDT/book?depth=0&exchange=okx", 422, "depth is a whole number"),
    ("/v1/wait_until", 422, "where: "),
    ("/v1/wait_until?where=price>1&stream=0123456789abcdef", 404, "no stream of this id"),
    ("/v1/since?cursor=x", 422, "cursor is one"),
  ],
)
async def test_what_has_no_answer_is_a_problem(api, path, status, sentence):
  answer = await api.call("GET", path)
  assert answer.status_code == status, answer.text
  assert answer.headers["content-type"] == "application/problem+json"
  assert sentence in answer.json()["detail"]


async def test_off_loopback_questions_need_credentials(tmp_path, monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY}")
  async with serving(tmp_path, host="0.0.0.0", hosts=["127.0.0.1"]) as api:
    path = f"{api.url.replace('0.0.0.0', '127.0.0.1')}/v1/markets"
    assert (await api.call("GET", path)).status_code == 401
    assert (await api.call("GET", path, key=KEY)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/markets", "/v1/sources", "/v1/since", "/v1/why?position=1"])
async def test_a_streams_token_learns_nothing_of_the_market(api, path):
  made = (await api.create(ticks())).json()
  shown = {"Authorization": f"Bearer {made['access_token']}"}
  answer = await api.http.get(path, headers=shown)
  assert answer.status_code == 403
  assert "read streams only" in answer.json()["detail"]
  own = await api.http.get(f"/v1/since?stream={made['stream_id']}", headers=shown)
  assert own.status_code == 200
