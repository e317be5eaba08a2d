"""Narrow tokens: made offline, checked by the server, never more than what they were made of."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from itertools import product

import pytest
import trio
from answering import asking, settled, ticker, trade
from attrs import evolve
from bond_server.access.api_keys import ApiKeys, api_keys
from bond_server.access.narrow import MAX_PARTS, narrow
from bond_server.access.tokens import MARKET, mint
from bond_server.answers import QuestionRefused

from bond_core import AuthError, Bounds, Credentials, Expired

KEY = "0f6a2c93d07b48e5a1c2f3047b5d6e89"
STREAM = "0123456789abcdef"
NOW_S = 1_760_000_000
"""As the context of these tests has it."""


@pytest.fixture
def parent(keyring, generations):
  return mint(MARKET, NOW_S + 600, keyring=keyring, generations=generations)


def b64(data):
  return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_the_form_is_this_and_stays(parent):
  """Written down once more, as those do who make them elsewhere."""
  claims = {"symbols": ["BTC/USDT"], "exp": NOW_S + 60}
  part = b64(json.dumps(claims, separators=(",", ":")).encode())
  base, _, signature = parent.rpartition(".")
  made = b64(hmac.digest(signature.encode(), f"n1.{base}.{part}".encode(), hashlib.sha256))
  assert narrow(parent, claims) == f"n1~{base}~{part}~{made}"
  first = b64(hmac.digest(KEY.encode(), b"bond-narrow-v1", "sha256"))
  made = b64(hmac.digest(first.encode(), f"n1.key.{part}".encode(), "sha256"))
  assert narrow(KEY, claims) == f"n1~key~{part}~{made}"


def test_it_may_do_less_and_for_shorter(ctx, parent):
  found = ctx.tokens.principal(narrow(parent, {"symbols": ["BTC/USDT"], "exp": NOW_S + 60}))
  assert found.name == "stream:market"
  assert found.expires_at == (NOW_S + 60) * 1000
  assert found.bounds == Bounds(symbols=frozenset(("BTC/USDT",)))
  assert not found.may_read(MARKET)
  assert not found.may_read(STREAM)
  only_time = ctx.tokens.principal(narrow(parent, {"exp": NOW_S + 6_000}))
  assert only_time.may_read(MARKET)
  assert only_time.expires_at == (NOW_S + 600) * 1000


def test_it_can_be_narrowed_further_and_never_widened(ctx, parent):
  once = narrow(parent, {"symbols": ["BTC/USDT", "ETH/USDT"], "exchanges": ["okx"]})
  twice = narrow(once, {"symbols": ["ETH/USDT", "SOL/USDT"], "exp": NOW_S + 5})
  found = ctx.tokens.principal(twice)
  assert found.bounds == Bounds(frozenset(("ETH/USDT",)), frozenset(("okx",)))
  # Without its last part the signature is another.
  front, _, _ = twice.rpartition("~")
  shorter = "~".join((*front.split("~")[:-1], twice.rpartition("~")[2]))
  with pytest.raises(AuthError):
    ctx.tokens.principal(shorter)
  for _ in range(MAX_PARTS - 1):
    once = narrow(once, {"exp": NOW_S + 60})
  with pytest.raises(ValueError, match="narrowed"):
    narrow(once, {"exp": NOW_S + 60})


def test_no_change_of_a_character_is_accepted(ctx, parent):
  token = narrow(parent, {"streams": [MARKET], "exp": NOW_S + 60})
  assert ctx.tokens.principal(token).may_read(MARKET)
  for place, character in product(range(3, len(token)), "Aa0-~."):
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
      with pytest.raises(AuthError):
        ctx.tokens.principal(changed)


def test_it_ends_with_what_it_was_made_of(ctx, parent, generations, keyring):
  token = narrow(parent, {"streams": [MARKET]})
  found = ctx.tokens.principal(token)
  generations.advance(MARKET)
  assert not found.holds()
  with pytest.raises(AuthError):
    ctx.tokens.principal(token)
  over = mint(MARKET, NOW_S - 1, keyring=keyring, generations=generations)
  with pytest.raises(Expired):
    ctx.tokens.principal(narrow(over, {"streams": [MARKET]}))


def test_one_that_is_over_is_over(ctx, parent):
  with pytest.raises(Expired):
    ctx.tokens.principal(narrow(parent, {"exp": NOW_S - 1}))


@pytest.mark.parametrize(
  "claims",
  [
    {},
    {"admin": True},
    {"exp": "soon"},
    {"exp": True},
    {"exp": 10**12},
    {"symbols": []},
    {"symbols": "BTC/USDT"},
    {"symbols": [5]},
    {"symbols": ["x"] * 201},
    {"symbols": ["x" * 200] * 100},
  ],
)
def test_what_is_no_claim_makes_no_token(claims, parent):
  with pytest.raises(ValueError, match=r"claim|list|narrow"):
    narrow(parent, claims)


def test_a_claim_that_is_not_known_is_no_permission(ctx, parent, monkeypatch):
  monkeypatch.setattr("bond_server.access.narrow._checked", dict)
  token = narrow(parent, {"colour": "red"})
  monkeypatch.undo()
  with pytest.raises(AuthError):
    ctx.tokens.principal(token)


async def test_the_holder_of_a_key_narrows_it(ctx, monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY}")
  who = api_keys(ApiKeys(), ctx)
  token = narrow(KEY, {"streams": [STREAM], "exp": NOW_S + 60})
  found = await who(Credentials(token=token))
  assert (found.name, found.streams) == ("key:alice", frozenset((STREAM,)))
  assert KEY not in token
  other = narrow("another-key-that-is-not-known-here", {"streams": [STREAM]})
  with pytest.raises(AuthError):
    await who(Credentials(token=other))


CLAIMS = (
  {"streams": [STREAM]},
  {"streams": [MARKET]},
  {"streams": [STREAM, MARKET]},
  {"symbols": ["BTC/USDT"]},
  {"symbols": ["ETH/USDT"], "streams": [STREAM]},
  {"exchanges": ["okx"]},
  {"channels": ["ticker"], "symbols": ["BTC/USDT", "ETH/USDT"]},
  {"exp": NOW_S + 60},
)


@pytest.mark.parametrize("base", ["key", MARKET, STREAM])
async def test_no_claim_gives_back_what_one_before_it_took(
  base, ctx, keyring, generations, monkeypatch
):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY}")
  who = api_keys(ApiKeys(), ctx)

  async def may(token):
    found = await who(Credentials(token=token)) if base == "key" else ctx.tokens.principal(token)
    read = {stream for stream in (STREAM, MARKET) if found.may_read(stream)}
    if MARKET in read:
      read |= {
        ("market", *one) for one in product(("BTC/USDT", "ETH/USDT"), ("okx", "bybit"), "tu")
      }
    elif found.bounds is not None:
      b = found.bounds
      read |= {
        ("market", s, e, c)
        for s, e, c in product(("BTC/USDT", "ETH/USDT"), ("okx", "bybit"), "tu")
        if (b.symbols is None or s in b.symbols)
        and (b.exchanges is None or e in b.exchanges)
        and (b.channels is None or {"t": "ticker"}.get(c) in b.channels)
      }
    assert found.reads_only
    return read, found.expires_at or 10**15

  whole = (
    KEY if base == "key" else mint(base, NOW_S + 600, keyring=keyring, generations=generations)
  )
  for claims in product(CLAIMS, repeat=3):
    token, before = whole, None
    for one in claims:
      token = narrow(token, one)
      after = await may(token)
      assert before is None or (after[0] <= before[0] and after[1] <= before[1]), claims
      before = after


async def test_questions_stay_within_a_narrow_token(ctx, parent):
  claims = {"symbols": ["BTC/USDT"], "exchanges": ["okx"], "channels": ["ticker"]}
  caller = ctx.tokens.principal(narrow(parent, claims))
  async with asking() as (server, answers):
    server.say(ticker(), ticker(symbol="ETH/USDT"), ticker(market_type="perp"))
    await settled()
    assert (await answers.quote(caller, "BTC/USDT", "okx"))["quotes"]
    markets = await answers.markets(caller)
    assert [(row["symbol"], row["market_type"]) for row in markets["seen"]] == [
      ("BTC/USDT", "spot")
    ]
    since = await answers.since(
      caller, "now-9s", symbol="BTC/USDT", exchange="okx", channels=["ticker"]
    )
    assert len(since["changes"]) == 1
    for ask in (
      answers.quote(caller, "ETH/USDT", "okx"),
      answers.quote(caller, "BTC/USDT:USDT", "okx"),
      answers.quote(caller, "BTC/USDT", "binance"),
      answers.book(caller, "BTC/USDT", "okx"),
      answers.window(caller, "BTC/USDT", "okx"),
      answers.since(caller, "now-9s"),
      answers.since(caller, "now-9s", symbol="BTC/USDT", exchange="okx"),
      answers.since(caller, "now-9s", exchange="okx", channels=["ticker"]),
      answers.wait_until(caller, "price > 1", symbol="BTC/USDT", exchange="okx"),
      answers.why(caller, "1"),
      answers.stream(caller, english="BTC every 5s"),
    ):
      with pytest.raises(QuestionRefused) as caught:
        await ask
      assert caught.value.status in (403, 503)


async def test_a_wait_is_for_the_exchanges_of_a_narrow_token_alone(ctx, parent):
  caller = evolve(ctx.tokens.principal(narrow(parent, {"exchanges": ["okx"]})), expires_at=None)
  async with asking() as (server, answers):
    # A source that is not started on demand, and so is no venue of a question that names none.
    server.say(trade(exchange="desk"))
    await settled()
    answer = await answers.wait_until(
      caller, "price > 1", symbol="BTC/USDT", cursor="now-9s", timeout=0
    )
    assert answer["matched"] is False
    server.say(trade())
    answer = await answers.wait_until(caller, "price > 1", symbol="BTC/USDT", cursor="now-9s")
    assert answer["event"]["exchange"] == "okx"


async def test_what_ends_during_a_wait_is_told_nothing(ctx, parent, generations):
  caller = evolve(ctx.tokens.principal(narrow(parent, {"exchanges": ["okx"]})), expires_at=None)
  async with asking() as (server, answers), trio.open_nursery() as nursery:
    server.say(trade())
    await settled()

    async def later():
      await settled()
      generations.advance(MARKET)
      server.say(trade(200.0))

    nursery.start_soon(later)
    with pytest.raises(QuestionRefused) as caught:
      await answers.wait_until(caller, "price > 150", symbol="BTC/USDT", exchange="okx")
    assert caught.value.status == 401
