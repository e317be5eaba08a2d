"""What a caller shows, from wherever it shows it."""

import json

import pytest
from bond_server.access.credentials import credentials_of, with_first_message
from hypothesis import given, strategies as st

from bond_core import AuthError, Credentials

TOKEN = "market.2000000000.abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
  ("target", "headers", "token", "key"),
  [
    ("/stream", [], None, None),
    ("/stream?token=" + TOKEN, [], TOKEN, None),
    ("/stream?%74oken=" + TOKEN, [], TOKEN, None),
    ("/stream?symbol=a&token=" + TOKEN + "&from=now-5m", [], TOKEN, None),
    ("/stream?token=", [], None, None),
    ("/stream?token=a%2Bb%2F", [], "a+b/", None),
    ("/stream?key=k1", [], None, "k1"),
    ("/stream", [("Authorization", f"Bearer {TOKEN}")], TOKEN, None),
    ("/stream", [("AUTHORIZATION", f"bearer   {TOKEN} ")], TOKEN, None),
    ("/stream", [("authorization", "Basic dXNlcjpwYXNz")], None, None),
    ("/stream", [("authorization", "Bearer")], None, None),
    ("/stream", [("X-API-Key", "k1")], None, "k1"),
    ("/stream?token=k1", [("x-api-key", "k1")], "k1", "k1"),
    (f"/stream?token={TOKEN}", [("authorization", f"Bearer {TOKEN}")], TOKEN, None),
    ("ws://localhost:8080/stream?token=t1#token=t2", [], "t1", None),
    ("/stream?a;token=t1", [], None, None),
  ],
)
def test_tokens_and_keys_are_found_where_they_may_be(target, headers, token, key):
  found = credentials_of(target, headers, address="127.0.0.1")
  assert (found.token, found.key) == (token, key)
  assert found.path == "/stream"
  assert found.address == "127.0.0.1"
  assert found.shown == (token is not None or key is not None)


@pytest.mark.parametrize(
  ("target", "headers"),
  [
    ("/s?token=one&token=two", []),
    ("/s?token=one", [("authorization", "Bearer two")]),
    ("/s?key=one", [("x-api-key", "two")]),
    ("/s", [("x-api-key", "one"), ("x-api-key", "two")]),
    ("/s?token=one", [("x-api-key", "two")]),
    ("/s?key=one", [("authorization", "Bearer two")]),
    ("/s?token=" + "x" * 9000, []),
    ("/s?token=%C3%A9", []),
    ("/s?token=%ff", []),
    ("/s?" + "&a=1" * 300, []),
  ],
)
def test_what_is_ambiguous_or_monstrous_is_refused_without_being_repeated(target, headers):
  with pytest.raises(AuthError) as error:
    credentials_of(target, headers)
  assert "one&" not in str(error.value)
  assert len(str(error.value)) < 200


@given(
  st.text(max_size=60),
  st.lists(
    st.tuples(st.sampled_from(["authorization", "x-api-key", "host", "A"]), st.text(max_size=20))
  ),
)
def test_no_request_raises_anything_but_auth_error(target, headers):
  try:
    assert isinstance(credentials_of(target, headers), Credentials)
  except AuthError:
    pass


def test_the_first_message_brings_a_token():
  before = credentials_of("/ws/x", [("a", "b")], address="::1")
  after = with_first_message(before, json.dumps({"type": "auth", "token": TOKEN, "new": 1}))
  assert after.token == TOKEN
  assert (after.path, after.headers, after.address) == ("/ws/x", {"a": "b"}, "::1")


@pytest.mark.parametrize(
  "message",
  [
    '{"type":"subscribe","token":"x"}',
    b'{"type":"ping"}',
    "{}",
    "[]",
    "nonsense",
    "",
    b"\xff\xfe",
    '{"type":5}',
    '{"a":' * 9000,
    '{"type":"ping","n":' + "[" * 20_000 + "]" * 20_000 + "}",
  ],
)
def test_other_messages_are_left_to_others(message):
  assert with_first_message(Credentials(), message) is None


@pytest.mark.parametrize(
  "message",
  [
    '{"type":"auth"}',
    '{"type":"auth","token":5}',
    '{"type":"auth","token":null}',
    '{"type":"auth","token":' + "[" * 200 + "]" * 200 + "}",
  ],
)
def test_a_first_message_without_a_token_is_shown_how_one_looks(message):
  with pytest.raises(AuthError, match=r'send {"type": "auth", "token": "…"}'):
    with_first_message(Credentials(), message)


def test_a_first_message_may_repeat_the_token_but_bring_no_other():
  shown = Credentials(token=TOKEN)
  again = with_first_message(shown, json.dumps({"type": "auth", "token": TOKEN}))
  assert again.token == TOKEN
  with pytest.raises(AuthError, match="two different tokens"):
    with_first_message(shown, '{"type":"auth","token":"other"}')
  with pytest.raises(AuthError, match="two different tokens"):
    with_first_message(Credentials(key="k1"), '{"type":"auth","token":"other"}')


def test_an_empty_token_in_a_first_message_is_none():
  assert not with_first_message(Credentials(), '{"type":"auth","token":""}').shown


def test_credentials_never_print_themselves():
  reason = repr(Credentials(token=TOKEN, key="secret-key", headers={"authorization": TOKEN}))
  assert TOKEN not in reason
  assert "secret-key" not in reason
