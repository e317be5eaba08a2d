"""Wrong requests, requests of callers without the right, and requests in English: every answer says
what to do."""

import time

import pytest
from bond_server.access.narrow import narrow
from bond_server.access.origins import host
from control_plane import reading, serving, ticks

KEY = "1f6a2c93d07b48e5a1c2f3047b5d6e89"


def problem_of(answer, status):
  """The problem that an answer is, as RFC 9457 has it."""
  assert answer.status_code == status, answer.text
  assert answer.headers["content-type"] == "application/problem+json"
  found = answer.json()
  assert (found["type"], found["status"]) == ("about:blank", status)
  assert found["title"]
  return found


@pytest.mark.parametrize(
  ("body", "status", "message"),
  [
    (b"", 400, "the body is no JSON"),
    (b"{", 400, "the body is no JSON"),
    (b"[" * 5000, 400, "the body is no JSON"),
    (b"\xff\xfe", 400, "the body is no JSON"),
    (b"[]", 422, "valid dictionary"),
    (b"{}", 422, 'send either "natural_language"'),
    (b'{"spec": {}, "natural_language": "BTC"}', 422, 'send either "natural_language"'),
    (b'{"natural_language": 5}', 422, "natural_language: "),
    (b'{"spec": {}, "colour": "red"}', 422, "colour: Extra inputs"),
    (b'{"spec": {}}', 422, "the key 'sources' is missing"),
    (b'{"spec": "sources: ["}', 422, ""),
    (b'{"natural_language": "' + b"a " * 400 + b'"}', 422, "up to 600 characters"),
    (b'"' + b"a" * 300_000 + b'"', 413, "up to 262144 bytes"),
  ],
  ids=range(13),
)
async def test_a_wrong_body_is_answered_with_what_is_wrong(api, body, status, message):
  answer = await api.call("POST", "/v1/streams", content=body)
  assert message in problem_of(answer, status)["detail"]
  assert api.server.streams.running == []


async def test_every_problem_of_a_spec_has_its_place(api):
  text = "sources:\n  c: {use: clock.tick}\n  d: {use: clock.ticks, with: {seconds: -1}}\n"
  found = problem_of(await api.create(text), 422)
  assert [(p["path"], p["line"]) for p in found["problems"]] == [
    ("sources.c.use", 2),
    ("sources.d.with.seconds", 3),
  ]
  assert "clock.ticks" in found["problems"][0]["message"]
  assert found["detail"].endswith("(and 1 more)")


@pytest.mark.parametrize(
  ("nodes", "message"),
  [
    (
      {"sinks": {"p": {"use": "core.print", "from": "clock"}}},
      "is for specs of this machine's own user",
    ),
    ({"sinks": {"p": {"use": "core.jsonl", "from": "clock", "with": {"path": "/x"}}}}, "own user"),
    ({"log": {"use": "core.file", "with": {"path": "/x"}}}, "cannot say how logs are kept"),
    ({"transforms": {"m": {"use": "core.map", "from": "clock", "with": {"function": "os:x"}}}}, ""),
  ],
)
async def test_a_spec_that_comes_over_http_reaches_nothing_of_the_machine(api, nodes, message):
  found = problem_of(await api.create({**ticks(), **nodes}), 422)
  assert message in found["detail"]


@pytest.mark.parametrize(
  ("method", "path", "status"),
  [
    ("GET", "/v1/streams/0123456789abcdef", 404),
    ("GET", "/v1/streams/0123456789abcdef/spec", 404),
    ("GET", "/v1/streams/", 404),
    ("POST", "/v1/streams/", 404),
    ("GET", "/v1/streams/0123456789abcdef/schema", 404),
    ("GET", "/v1/streams/0123456789abcdef/metrics", 404),
    ("POST", "/v1/streams/0123456789abcdef/token", 404),
    ("DELETE", "/v1/streams/0123456789abcdef", 404),
    ("PUT", "/v1/streams/0123456789abcdef", 404),
    ("GET", "/v1/streams/" + "x" * 5000, 404),
    ("GET", "/nowhere", 404),
    ("DELETE", "/v1/streams", 405),
    ("POST", "/health", 405),
  ],
)
async def test_what_is_not_there_is_a_problem_too(api, method, path, status):
  found = problem_of(await api.call(method, path), status)
  assert len(found["detail"]) < 200


async def test_a_page_from_elsewhere_and_a_name_that_is_not_ours_are_refused(api):
  for headers, status in (
    ({"Origin": "https://elsewhere.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "elsewhere.example"}, 421),
  ):
    answer = await api.http.post("/v1/streams", json={"spec": ticks()}, headers=headers)
    problem_of(answer, status)
  assert api.server.streams.running == []
  own = {"Origin": api.url}
  assert (await api.http.get("/v1/streams", headers=own)).status_code == 200


async def test_a_page_that_is_allowed_may(tmp_path):
  async with serving(tmp_path, origins=["https://app.example"], hosts=["api.example"]) as api:
    headers = {"Origin": "https://app.example", "Host": host("api.example")}
    assert (await api.http.get("/v1/streams", headers=headers)).status_code == 200


async def test_off_loopback_everybody_has_to_say_who_they_are(tmp_path, monkeypatch):
  monkeypatch.setenv("ANN", KEY)
  keys = {"use": "core.keys", "with": {"keys": {"ann": {"secret": "ANN"}}}}
  async with serving(tmp_path, host="0.0.0.0", chain=[keys, {"use": "core.tokens"}]) as api:
    api.http.base_url = api.url.replace("0.0.0.0", "127.0.0.1")
    found = problem_of(await api.create(ticks()), 401)
    assert "API key (X-API-Key)" in found["detail"]
    problem_of(await api.create(ticks(), key=KEY + "0"), 401)
    made = (await api.create(ticks(), key=KEY)).json()
    # A token reads its stream; it makes and deletes none.
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    path = f"/v1/streams/{made['stream_id']}"
    for method, where in (("DELETE", path), ("GET", "/v1/streams"), ("GET", "/metrics")):
      answer = await api.http.request(method, where, headers=bearer)
      found = problem_of(answer, 403)
      assert made["access_token"] not in answer.text
    # Nor does what was narrowed of a key: what it made would outlast it.
    narrowed = narrow(KEY, {"exp": int(time.time()) + 60})
    for method, where in (("DELETE", path), ("POST", f"{path}/token"), ("POST", "/v1/streams")):
      problem_of(await api.call(method, where, narrowed), 403)
    # Which of two that differ counts would be a guess.
    problem_of(await api.http.get(path, headers={**bearer, "X-API-Key": KEY}), 401)
    for where in ("/health", "/livez", "/ready", "/readyz", "/openapi.json", "/docs"):
      assert (await api.call("GET", where)).status_code == 200
    for where in ("/health", "/ready"):
      # How many there are is not for strangers, with whatever they show.
      for shown_key in (None, KEY + "0"):
        assert (await api.call("GET", where, shown_key)).json() == {"status": "ok", "sources": {}}
      assert (await api.call("GET", where, KEY)).json()["streams"] == 1


async def test_english_that_is_clear_starts_a_stream_with_an_account_of_every_word(tmp_path):
  async with serving(tmp_path, simulate=True) as api:
    answer = await api.create(natural_language="BTC price every 1s")
    assert answer.status_code == 201
    made = answer.json()
    understood = made["understood"]
    assert (understood["outcome"], understood["symbols"]) == ("ok", ["BTC"])
    assert {entry["slot"] for entry in understood["account"]} >= {"symbol", "source", "interval"}
    async with reading(made["ws_url"]) as socket:
      window = await socket.event(within=10)
    assert window["symbol"] == "BTC/USDT"
    assert window["raw_data"]["simulated"] == ["binance"]


async def test_english_with_a_question_starts_when_it_is_confirmed_and_not_before(tmp_path):
  request = {"natural_language": "BTC price and dominance every 30s"}
  async with serving(tmp_path, simulate=True) as api:
    found = problem_of(await api.create(**request), 422)
    assert "dominance" in found["detail"]
    assert '"confirm": true' in found["detail"]
    assert found["understood"]["outcome"] == "ask"
    assert api.server.streams.running == []
    assert (await api.create(**request, confirm=True)).status_code == 201


@pytest.mark.parametrize("text", ["hello", "", "buy 3 BTC", "BTC price + weather on Mars"])
async def test_english_that_is_not_understood_starts_nothing_even_if_confirmed(api, text):
  for confirm in (False, True):
    found = problem_of(await api.create(natural_language=text, confirm=confirm), 422)
    assert found["detail"]
  assert api.server.streams.running == []


async def test_a_request_can_be_read_without_starting_anything(api):
  answer = await api.call("POST", "/v1/streams/parse", json={"natural_language": "ETH trades"})
  assert answer.status_code == 200
  assert answer.json()["spec"]["sources"]
  assert answer.json()["understood"]["sources"] == ["trades"]
  assert api.server.streams.running == []


async def test_ready_is_about_this_server_and_not_about_venues(api):
  assert (await api.call("GET", "/ready")).json()["status"] == "ok"
  api.server.log.failure = "no space left on device"
  found = problem_of(await api.call("GET", "/ready"), 503)
  assert "no space left on device" in found["detail"]
  assert (await api.call("GET", "/livez")).status_code == 200


async def test_the_description_names_every_route_and_status(api):
  document = (await api.call("GET", "/openapi.json")).json()
  routes = {f"{method.upper()} {path}" for path, ms in document["paths"].items() for method in ms}
  assert {
    "POST /v1/streams",
    "POST /v1/streams/parse",
    "GET /v1/streams",
    "GET /v1/streams/{stream_id}",
    "PUT /v1/streams/{stream_id}",
    "DELETE /v1/streams/{stream_id}",
    "GET /v1/streams/{stream_id}/spec",
    "GET /v1/streams/{stream_id}/schema",
    "POST /v1/streams/{stream_id}/token",
    "GET /v1/streams/{stream_id}/metrics",
    "GET /health",
    "GET /ready",
    "GET /metrics",
  } <= routes
  assert {"200", "201", "400", "401", "403", "413", "422", "429"} <= set(
    document["paths"]["/v1/streams"]["post"]["responses"]
  )
  page = await api.http.get("/", follow_redirects=True)
  assert "POST /v1/streams/parse" in page.text
  # Nothing on it comes from elsewhere.
  assert "https://" not in page.text


async def test_why_names_what_is_at_a_position(api):
  found = problem_of(await api.call("GET", "/v1/why/soon"), 422)
  assert "is no position" in found["detail"]
  found = problem_of(await api.call("GET", "/v1/why/123456789"), 404)
  assert "this log has" in found["detail"]
  problem_of(await api.call("GET", "/v1/why/0123456789abcdef:1"), 404)
