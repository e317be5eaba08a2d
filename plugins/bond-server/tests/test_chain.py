"""Several authenticators, one answer."""

import pytest
import trio
from bond_server.access.chain import DEFAULT, LOCAL, Chain, make_chain, read_chain
from bond_server.access.tokens import MARKET, mint

from bond_core import (
  AuthError,
  AuthType,
  AuthUnavailable,
  BondError,
  Credentials,
  Expired,
  Principal,
  Registry,
  Secret,
  SpecError,
)

STREAM = "0123456789abcdef"
OTHER = "fedcba9876543210"
KEY = "a-key-of-the-tests-0123456789"


@pytest.fixture
def chain(ctx, monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{KEY}")
  return make_chain(DEFAULT, Registry(), ctx)


def token(ctx, stream=STREAM, ttl=3600):
  now = ctx.clock.now_ms() // 1000
  return mint(stream, now + ttl, keyring=ctx.tokens.keyring, generations=ctx.tokens.generations)


async def admit(chain, ctx, stream=STREAM, *, open_to_all=False, **shown):
  return await chain.admit(
    Credentials(**shown), stream, now_ms=ctx.clock.now_ms(), open_to_all=open_to_all
  )


async def test_a_token_reads_its_stream_and_nothing_else(chain, ctx):
  shown = token(ctx)
  who = await admit(chain, ctx, token=shown)
  assert (who.name, who.streams) == (f"stream:{STREAM}", {STREAM})
  assert who.expires_at == ctx.clock.now_ms() + 3_600_000
  for stream in (OTHER, MARKET):
    with pytest.raises(AuthError, match="these credentials are not for") as error:
      await admit(chain, ctx, stream, token=shown)
    assert error.value.code == 4500


async def test_a_market_token_reads_the_market_feed_only(chain, ctx):
  shown = token(ctx, MARKET)
  assert (await admit(chain, ctx, MARKET, token=shown)).name == "stream:market"
  with pytest.raises(AuthError, match="not for this stream"):
    await admit(chain, ctx, STREAM, token=shown)


async def test_a_key_reads_everything(chain, ctx):
  for stream in (STREAM, OTHER, MARKET):
    for shown in ({"key": KEY}, {"token": KEY}):
      assert (await admit(chain, ctx, stream, **shown)).name == "key:alice"


async def test_access_ends_at_its_time_and_says_so(chain, ctx):
  who = await admit(chain, ctx, token=token(ctx, ttl=10))
  end = ctx.clock.now_ms() + 10_000
  who.check(end - 1)
  with pytest.raises(Expired, match="request a new token") as error:
    who.check(end)
  assert error.value.code == 4005


async def test_a_token_that_has_expired_admits_no_caller(chain, ctx):
  shown = token(ctx, ttl=10)
  ctx.clock.advance(ctx.clock.now_ms() + 10_000)
  with pytest.raises(Expired) as error:
    await admit(chain, ctx, token=shown)
  assert error.value.code == 4005


async def test_deleting_the_stream_ends_access_for_good(chain, ctx):
  shown = token(ctx)
  who = await admit(chain, ctx, token=shown)
  ctx.tokens.generations.advance(STREAM)
  with pytest.raises(AuthError, match="the stream was deleted") as error:
    who.check(ctx.clock.now_ms())
  assert error.value.code == 4500
  with pytest.raises(AuthError, match="its stream was deleted"):
    await admit(chain, ctx, token=shown)
  assert (await admit(chain, ctx, token=token(ctx))).holds()


async def test_a_withdrawn_key_of_the_server_ends_what_it_signed(chain, ctx):
  who = await admit(chain, ctx, token=token(ctx))
  ctx.tokens.keyring.replace(b"another key that signs from now on")
  with pytest.raises(AuthError, match="no longer valid"):
    who.check(ctx.clock.now_ms())


async def test_a_caller_without_credentials_is_local_where_it_is_open_and_refused_elsewhere(
  chain, ctx
):
  assert await chain.identify(Credentials()) is None
  assert await admit(chain, ctx, open_to_all=True) is LOCAL
  with pytest.raises(AuthError, match="this needs credentials: show a token"):
    await admit(chain, ctx)


@pytest.mark.parametrize("shown", [{"token": "nonsense"}, {"key": "nonsense"}, {"token": "a.b.c"}])
async def test_wrong_credentials_are_refused_even_where_it_is_open(chain, ctx, shown):
  with pytest.raises(AuthError) as error:
    await admit(chain, ctx, open_to_all=True, **shown)
  assert "nonsense" not in str(error.value)


async def test_they_are_tried_in_order_until_one_answers():
  requests = []

  def one(name, answer):
    async def who(credentials):
      requests.append(name)
      return answer

    return name, who

  chain = Chain((one("a", None), one("b", Principal("b:x")), one("c", Principal("c:x"))))
  assert (await chain.identify(Credentials())).name == "b:x"
  assert requests == ["a", "b"]


async def test_wrong_for_one_is_wrong_for_all():
  async def no(credentials):
    raise AuthError("no")

  async def yes(credentials):
    return Principal("x:y")

  with pytest.raises(AuthError, match="no"):
    await Chain((("a", no), ("b", yes))).identify(Credentials(token="t"))


async def test_an_authenticator_that_fails_admits_no_caller_and_repeats_nothing(caplog):
  async def broken(credentials):
    raise RuntimeError(f"cannot make sense of {credentials.token}")

  async def yes(credentials):
    return Principal("x:y")

  chain = Chain((("mine.broken", broken), ("mine.open", yes)))
  with pytest.raises(AuthUnavailable) as error:
    await chain.identify(Credentials(token="canary"))
  assert error.value.code == 1011
  assert "mine.broken failed with RuntimeError" in caplog.text
  assert "canary" not in caplog.text + str(error.value)
  assert error.value.__cause__ is None
  assert error.value.__suppress_context__


async def test_what_the_operator_has_not_set_up_is_not_told_to_a_caller(caplog, monkeypatch):
  monkeypatch.delenv("PIN", raising=False)

  async def by_secret(credentials):
    Secret(env="PIN").reveal()

  with pytest.raises(AuthUnavailable) as error:
    await Chain((("mine.secret", by_secret),)).identify(Credentials(token="canary"))
  assert "PIN" not in str(error.value)
  assert "mine.secret could not identify a caller: the secret PIN is not in the" in caplog.text


async def test_an_authenticator_that_hangs_is_given_up(autojump_clock, caplog):
  async def slow(credentials):
    await trio.sleep(60)

  started = trio.current_time()
  with pytest.raises(AuthUnavailable, match="could not be checked in time"):
    await Chain((("mine.slow", slow),)).identify(Credentials(token="t"))
  assert trio.current_time() - started == 4
  assert "mine.slow took more than 4 s" in caplog.text


def plugin(make):
  class Plugin:
    @staticmethod
    def bond_register_auth():
      return [AuthType(name="mine.x", summary="x", make=make)]

  from bond_core import hookimpl

  Plugin.bond_register_auth = staticmethod(hookimpl(Plugin.bond_register_auth))
  return Plugin


async def test_a_plugins_authenticator_receives_the_context_of_the_server(ctx):
  got = []

  async def who(credentials):
    return Principal("mine:x")

  def make(config, context):
    got.append(context)
    return who

  registry = Registry()
  registry.add("mine", plugin(make))
  chain = make_chain(["mine.x", {"use": "core.tokens"}], registry, ctx)
  assert (await chain.identify(Credentials())).name == "mine:x"
  assert got == [ctx]
  assert [name for name, _ in chain.members] == ["mine.x", "core.tokens"]


@pytest.mark.parametrize(
  ("entry", "message"),
  [
    ({}, "auth expected the name of an auth"),
    (5, "auth expected the name of an auth"),
    (["core.keys"], "auth expected the name of an auth"),
    ({"use": "core.keys", "wiht": {}}, "auth wiht: unknown key 'wiht'"),
    ({"use": "core.keys", "with": {"kyes": {}}}, r"with\.kyes: unknown key 'kyes'"),
    ({"use": "core.keys", "with": {"keys": {"a": "literal-0123"}}}, "never stands in a spec"),
    ({"use": "core.tokens", "with": [1]}, "with: expected"),
    ("nothere.x", "no known package has it"),
  ],
)
def test_a_wrong_entry_is_reported(ctx, entry, message):
  with pytest.raises(BondError, match=message) as error:
    make_chain([entry], Registry(), ctx)
  assert "literal-0123" not in str(error.value)


async def test_a_file_says_which_authenticators_are_tried_and_in_which_order(ctx, monkeypatch):
  monkeypatch.setenv("ALICE", KEY)
  text = """\
auth:
  - use: core.keys
    with: {keys: {alice: {secret: ALICE}}}
  - core.tokens
"""
  chain = read_chain(text, "auth.yaml", Registry(), ctx)
  assert [name for name, _ in chain.members] == ["core.keys", "core.tokens"]
  assert (await admit(chain, ctx, key=KEY)).name == "key:alice"
  assert (await admit(chain, ctx, token=token(ctx))).name == f"stream:{STREAM}"


def test_every_problem_of_a_file_is_reported_with_its_place(ctx):
  text = """\
auth:
  - {use: core.keys, with: {keys: {alice: a-literal-key-0123}}}
  - {use: core.tokens, with: {ttl: 5}}
  - {use: core.tokens, wiht: 5}
  - {use: nothere.x}
  - {use: core.keys, with: {keys: {bob: {secret: NOT_SET_ANYWHERE}}}}
  - 5
origins: []
"""
  with pytest.raises(SpecError) as error:
    read_chain(text, "auth.yaml", Registry(), ctx)
  message = str(error.value)
  places = [(problem.line, problem.path) for problem in error.value.problems]
  assert places == [
    (2, "auth[0].with.keys.alice"),
    (3, "auth[1].with.ttl"),
    (4, "auth[2].wiht"),
    (5, "auth[3].use"),
    (6, "auth[4]"),
    (7, "auth[5]"),
    (8, "origins"),
  ]
  assert "no known package has it" in message
  assert "NOT_SET_ANYWHERE is not in the environment" in message
  assert "a-literal-key-0123" not in message


@pytest.mark.parametrize("text", ["auth: []", "auth: core.keys", "other: 1", "auth:"])
def test_a_file_without_a_list_is_shown_how_one_looks(ctx, text):
  with pytest.raises(SpecError, match=r"a list as in auth: \[{use: core\.tokens}\]"):
    read_chain(text, "auth.yaml", Registry(), ctx)
