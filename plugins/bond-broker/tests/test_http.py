"""Heads of requests: one answer each, whatever they are."""

import json
from http import HTTPStatus

import pytest
from bond_broker.protocol.http import MAX_HEAD_BYTES, BadHead, accept, plain_answer, read_head
from hypothesis import given, strategies as st
from websockets.datastructures import Headers
from websockets.protocol import State

UPGRADE = (
  b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def head(*lines, start=b"GET /stream HTTP/1.1", host=b"Host: localhost\r\n"):
  return start + b"\r\n" + host + b"".join(lines) + b"\r\n"


def parts(answer):
  """Status, headers and body of an HTTP answer."""
  top, _, body = answer.partition(b"\r\n\r\n")
  first, *lines = top.decode().split("\r\n")
  headers = [tuple(line.split(": ", 1)) for line in lines]
  assert dict(headers)["Content-Length"] == str(len(body))
  return int(first.split()[1]), headers, body


def refused(data, opening=False):
  with pytest.raises(BadHead) as caught:
    found = read_head(data, 65_536)
    if opening:
      accept(found)
  status, headers, body = parts(caught.value.answer)
  return status, headers, json.loads(body)["error"]


def test_a_head_is_read_when_it_is_whole_and_what_follows_is_kept():
  data = head(UPGRADE) + b"\x81\x80abcd"
  for end in range(len(data) - 6):
    assert read_head(data[:end], 65_536) is None
  found = read_head(data, 65_536)
  assert (found.request.path, found.rest, found.upgrades) == ("/stream", b"\x81\x80abcd", True)


def test_the_handshake_of_the_standard_opens_a_websocket():
  # RFC 6455, 1.3
  found = read_head(head(UPGRADE), 65_536)
  answer = accept(found)
  assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
  assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
  assert found.protocol.state is State.OPEN


def test_a_plain_get_does_not_upgrade():
  assert not read_head(head(start=b"GET /health HTTP/1.1"), 65_536).upgrades
  assert not read_head(head(start=b"GET /health HTTP/1.0"), 65_536).upgrades


@pytest.mark.parametrize(
  "data",
  [
    b"\r\n\r\n",
    b"hello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    head(start=b"GET /\xff HTTP/1.1"),
    head(start=b"GET / HTTP/2"),
    head(b"Content-Length: 5\r\n"),
    head(b"Transfer-Encoding: chunked\r\n"),
    head(b"No colon\r\n"),
    head(b"Bad name : x\r\n"),
    head(*[b"A: b\r\n"] * 200),
    head(b"A: " + b"b" * 9_000 + b"\r\n"),
  ],
  ids=lambda data: repr(data[:40]),
)
def test_what_is_no_request_is_answered_with_what_to_do(data):
  status, _, message = refused(data)
  assert status == 400
  assert message == "this is no HTTP/1.1 GET request; open a WebSocket at /stream, or GET /health"


def test_a_head_without_an_end_is_refused_before_it_is_stored():
  data = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4_000
  assert read_head(data[: MAX_HEAD_BYTES - 1], 65_536) is None
  status, _, message = refused(data[:MAX_HEAD_BYTES])
  assert (status, message) == (431, f"the head of a request is at most {MAX_HEAD_BYTES} bytes here")


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "X" * 5_000])
def test_there_is_nothing_but_get(method):
  status, headers, message = refused(head(start=f"{method} /health HTTP/1.1".encode()))
  assert (status, dict(headers)["Allow"]) == (405, "GET")
  assert message.startswith(f"there is nothing to {method[:20]} here")


@pytest.mark.parametrize("name", ["Host", "Origin", "Authorization"])
def test_of_what_decides_who_comes_in_there_is_only_one(name):
  double = f"{name}: a\r\n{name.lower()}: b\r\n".encode()
  status, _, message = refused(head(double, host=b""))
  assert (status, message) == (400, f"the request has more than one {name.lower()} header")


@given(st.sampled_from(["Accept", "Upgrade", "Connection", "Sec-WebSocket-Key", "Cookie", "X-A"]))
def test_any_other_header_may_come_several_times(name):
  found = read_head(head(f"{name}: a\r\n{name.lower()}: b\r\n".encode()), 65_536)
  assert found.request.headers.get(name) == "a, b"


@pytest.mark.parametrize(
  ("data", "status"),
  [
    (UPGRADE.replace(b": 13", b": 8"), 400),
    (UPGRADE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"), 400),
    (UPGRADE.replace(b"Connection: Upgrade\r\n", b""), 426),
    (UPGRADE + UPGRADE, 426),
  ],
)
def test_a_wrong_handshake_is_answered_with_the_reason(data, status):
  got, headers, message = refused(head(data), opening=True)
  assert got == status
  assert message.startswith("this opens no WebSocket: ")
  if status == 426:
    assert ("Upgrade", "websocket") in headers


@given(
  st.one_of(
    st.binary(max_size=120),
    st.lists(
      st.sampled_from(
        [
          b"GET ",
          b"/raw?",
          b" HTTP/1.1\r\n",
          b"Host: a\r\n",
          b"Upgrade: websocket\r\n",
          b"\r\n\r\n",
          b"Origin: null\r\n",
          b"\xff",
          b"\x00",
          b":",
          b"Connection: upgrade\r\n",
          b"//[",
          UPGRADE,
        ]
      ),
      max_size=12,
    ).map(b"".join),
  )
)
def test_no_bytes_raise_anything_but_bad_head(data):
  try:
    found = read_head(data, 65_536)
    if found is not None and found.upgrades:
      accept(found)
  except BadHead as exc:
    assert exc.answer.startswith(b"HTTP/1.1 4")


def test_an_answer_is_whole():
  status, headers, body = parts(plain_answer(HTTPStatus.OK, {"status": "ok"}))
  assert (status, body) == (200, b'{"status":"ok"}\n')
  assert headers[0] == ("Content-Type", "application/json")
  assert ("Connection", "close") in headers
  text = plain_answer(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "later é",
    content_type="text/plain",
    headers=Headers({"Retry-After": "5"}),
  )
  status, headers, body = parts(text)
  assert (status, body.decode()) == (503, "later é")
  assert ("Retry-After", "5") in headers
