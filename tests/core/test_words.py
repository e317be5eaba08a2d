"""What another side says reaches the user as one short line, whatever it is."""

import pytest
from hypothesis import given, strategies as st

from bond_core.feeds import own_words, said
from bond_core.websockets import HandshakeRefused


@pytest.mark.parametrize(
  ("answer", "words"),
  [
    (b'{"code":-1121,"msg":"Invalid symbol."}', "Invalid symbol"),
    (b'{"retCode":10001,"retMsg":"params error","result":{}}', "params error"),
    (
      b'{"title":"CreditsDepleted","detail":"You have no credits.","type":"https://x.example"}',
      "CreditsDepleted: You have no credits",
    ),
    (
      b'{"errors":[{"message":"a"},{"message":"b"},{"message":"a"}],"title":"Invalid Request"}',
      "Invalid Request: a: b",
    ),
    (b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"too much","data":{"reason":"x"}}}',
     "too much: x"),
    (b"<html><head><title>\n 403 Forbidden</title></head><body>nginx</body>", "403 Forbidden"),
    (b"<!doctype html><style>p{}</style><p>Just a <b>moment</b>", "Just a moment"),
    (b"over \x1b[31mcapacity\x1b[0m\n\n  now", "over [31mcapacity [0m now"),
    (b"\xff\xfe plain", "plain"),
    (b"", ""),
    (b"{}", ""),
    (b"7", "7"),
    (b'{"msg":{"msg":{"msg":{"msg":{"msg":"deep"}}}}}', ""),
    ("Cannot GET /v3/0123456789abcdef?token=abc", "Cannot GET /v3/***?token=***"),
  ],
)  # fmt: skip
def test_the_words_of_an_answer(answer, words):
  assert own_words(answer, hidden=["v3", "0123456789abcdef"]) == words


@given(st.one_of(st.binary(), st.text()), st.integers(2, 60))
def test_the_line_is_bounded_and_can_be_shown(answer, most):
  line = own_words(answer, most)
  assert len(line) <= most
  assert line.isprintable()
  assert said(answer) == "" or said(answer).startswith(": ")


def test_a_large_answer_is_not_read_to_its_end():
  assert own_words(b"<" * 50_000_000) == ""
  assert len(own_words(b"[" * 50_000_000)) <= 300


def test_a_handshake_that_is_refused_says_why_and_no_key():
  body = b'{"error":{"message":"key 0123456789abcdef is over its limit"}}'
  refused = HandshakeRefused(403, {}, body, ["0123456789abcdef"])
  assert str(refused).endswith("with HTTP 403: key *** is over its limit")
