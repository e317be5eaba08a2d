"""API keys: named, hashed, withdrawn without a restart."""

import hmac

import pytest
from bond_server.access import api_keys as module
from bond_server.access.api_keys import ApiKeys, KeyTable, api_keys, keys_of_environment

from bond_core import AuthError, Credentials, Secret

ALICE = "alices-key-0123456789abcdef"
BOB = "bobs-key+/=~_.0123456789"


@pytest.fixture
def environment(monkeypatch):
  monkeypatch.setenv("BOND_API_KEYS", f"alice:{ALICE}, bob:{BOB}")
  monkeypatch.setenv("ALICE_KEY", ALICE)
  return monkeypatch


@pytest.fixture
def files(tmp_path):
  paths = {"alice": tmp_path / "alice", "bob": tmp_path / "bob"}
  paths["alice"].write_text(ALICE + "\n")
  paths["bob"].write_text(BOB)
  return paths


@pytest.fixture
def by_file(files, ctx):
  config = ApiKeys({name: Secret(file=str(path)) for name, path in files.items()})
  return api_keys(config, ctx)


@pytest.mark.parametrize("shown", [{"key": ALICE}, {"token": ALICE}])
async def test_a_key_is_taken_from_every_place_and_reads_everything(environment, ctx, shown):
  who = await api_keys(ApiKeys(), ctx)(Credentials(**shown))
  assert who.name == "key:alice"
  assert who.may_read("market")
  assert who.may_read("0123456789abcdef")
  assert who.expires_at is None
  assert who.holds()


async def test_keys_come_from_references_too(environment, ctx):
  who = api_keys(ApiKeys({"reader": Secret("ALICE_KEY")}), ctx)
  assert (await who(Credentials(key=ALICE))).name == "key:reader"
  with pytest.raises(AuthError):
    await who(Credentials(key=BOB))


def test_a_key_that_would_be_read_as_a_narrow_token_is_refused():
  with pytest.raises(AuthError, match="alice begins as a narrow token does"):
    KeyTable({"alice": "n1~0123456789abcdef"})


@pytest.mark.parametrize(
  "key", ["", "x", ALICE[:-1], ALICE + "x", ALICE.upper(), "é" * 20, BOB[1:]]
)
async def test_a_wrong_key_is_refused_and_a_token_of_another_kind_left_to_others(
  environment, ctx, key
):
  who = api_keys(ApiKeys(), ctx)
  assert await who(Credentials(token=key)) is None
  with pytest.raises(AuthError, match="is not known here, or was withdrawn") as error:
    await who(Credentials(key=key))
  assert error.value.code == 4500


async def test_a_wrong_key_is_not_made_good_by_a_right_token(environment, ctx):
  with pytest.raises(AuthError):
    await api_keys(ApiKeys(), ctx)(Credentials(key=BOB[1:], token=ALICE))


async def test_a_caller_without_credentials_has_no_principal(environment, ctx):
  assert await api_keys(ApiKeys(), ctx)(Credentials()) is None


async def test_without_any_key_there_is_no_right_one(monkeypatch, ctx):
  monkeypatch.delenv("BOND_API_KEYS", raising=False)
  who = api_keys(ApiKeys(), ctx)
  assert await who(Credentials(token=ALICE)) is None
  with pytest.raises(AuthError):
    await who(Credentials(key=ALICE))


async def test_a_withdrawn_key_ends_open_connections_within_a_second(by_file, files, ctx):
  alice = await by_file(Credentials(key=ALICE))
  bob = await by_file(Credentials(key=BOB))
  files["alice"].unlink()
  ctx.clock.advance(ctx.clock.now_ms() + 500)
  assert not alice.holds()
  assert bob.holds()
  with pytest.raises(AuthError, match="access was withdrawn"):
    alice.check(ctx.clock.now_ms())
  with pytest.raises(AuthError):
    await by_file(Credentials(key=ALICE))


async def test_a_changed_key_withdraws_the_old_one_and_lets_the_new_one_in(by_file, files, ctx):
  old = await by_file(Credentials(key=ALICE))
  files["alice"].write_text("another-key-of-alice-1234")
  ctx.clock.advance(ctx.clock.now_ms() + 500)
  assert not old.holds()
  assert (await by_file(Credentials(key="another-key-of-alice-1234"))).holds()


async def test_a_key_that_moved_to_another_name_is_not_the_same_principal(by_file, files, ctx):
  alice = await by_file(Credentials(key=ALICE))
  files["alice"].unlink()
  files["bob"].write_text(ALICE)
  ctx.clock.advance(ctx.clock.now_ms() + 500)
  assert not alice.holds()
  assert (await by_file(Credentials(key=ALICE))).name == "key:bob"


async def test_a_file_that_goes_bad_is_reported_once_and_counts_again_when_it_is_good(
  by_file, files, ctx, caplog
):
  for _ in range(5):
    files["alice"].write_text("short")
    ctx.clock.advance(ctx.clock.now_ms() + 500)
    with pytest.raises(AuthError):
      await by_file(Credentials(key=ALICE))
  assert caplog.text.count("the API key alice no longer counts") == 1
  files["alice"].write_text(ALICE)
  ctx.clock.advance(ctx.clock.now_ms() + 500)
  assert (await by_file(Credentials(key=ALICE))).name == "key:alice"


async def test_the_files_are_not_read_for_every_question(by_file, files, ctx, monkeypatch):
  alice = await by_file(Credentials(key=ALICE))
  monkeypatch.setattr(Secret, "reveal", lambda self: pytest.fail("read again"))
  assert all(alice.holds() for _ in range(100))


def test_names_are_optional(monkeypatch):
  assert keys_of_environment(f" {ALICE} ,,bob:{BOB},") == {"key1": ALICE, "bob": BOB}
  assert keys_of_environment("") == {}


@pytest.mark.parametrize(
  ("text", "message"),
  [
    (f"ok:{ALICE},a b:{BOB}", "entry 2 of BOND_API_KEYS is not NAME:KEY"),
    (f"a:b:{ALICE}", "entry 1 of BOND_API_KEYS is not NAME:KEY"),
    (f":{ALICE}", "entry 1 of BOND_API_KEYS is not NAME:KEY"),
    (f"a:{ALICE},a:{BOB}", "entry 2 of BOND_API_KEYS has the name of another one"),
  ],
)
def test_what_is_wrong_in_the_variable_is_reported_by_its_place_only(text, message):
  with pytest.raises(AuthError, match=message) as error:
    keys_of_environment(text)
  assert ALICE not in str(error.value)
  assert BOB not in str(error.value)


@pytest.mark.parametrize(
  ("keys", "message"),
  [
    ({"a": "tiny-key"}, "the API key a is too short"),
    ({"a": "with spaces in the key"}, "has other characters"),
    ({"a": "aaaaaaaaaaaaaaaaaaaaaaaa"}, "repeats a few characters"),
    ({"a": ALICE, "b": ALICE}, "a and b have the same API key"),
  ],
)
def test_bad_keys_are_refused_at_start(keys, message):
  with pytest.raises(AuthError, match=message) as error:
    KeyTable(keys)
  assert not any(key in str(error.value) for key in keys.values())


def test_names_of_a_configuration_are_checked():
  with pytest.raises(ValueError, match="is no name of a key"):
    ApiKeys({"no name": Secret("X")})


def test_a_table_keeps_hashes_that_say_nothing_and_differ_each_time():
  one, other = KeyTable({"a": ALICE}), KeyTable({"a": ALICE})
  assert one.find(ALICE) != other.find(ALICE)
  kept = repr(vars(one)) + repr(one)
  assert ALICE not in kept
  assert ALICE.encode().hex() not in kept


def test_every_key_is_compared_whole_whether_right_or_wrong(monkeypatch):
  compared = []
  real = hmac.compare_digest

  def compare(one, other):
    compared.append((len(one), len(other)))
    return real(one, other)

  table = KeyTable({f"k{n}": f"key-number-{n:010d}" for n in range(5)})
  monkeypatch.setattr(module.hmac, "compare_digest", compare)
  for shown in (*(f"key-number-{n:010d}" for n in range(5)), "x", "y" * 500):
    compared.clear()
    table.find(shown)
    assert compared == [(32, 32)] * 5
