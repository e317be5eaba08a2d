"""Which pages may connect, and under which names the server may be called."""

import pytest
from bond_server.access.origins import (
  LOOPBACK_NAMES,
  host,
  is_loopback,
  origin,
  own_origins,
  refuse_host,
  refuse_origin,
)
from hypothesis import given, strategies as st

ALLOWED = frozenset(
  map(
    origin,
    [
      "https://app.example.com",
      "http://localhost:3000",
      "http://[::1]:3000",
      "https://xn--bcher-kva.example:8443",
      "chrome-extension://abcdefghijklmnop",
    ],
  )
)

# What a browser, or a program that pretends to be one, can send as Origin.
MATRIX = {
  "https://app.example.com": True,
  "http://localhost:3000": True,
  "http://[::1]:3000": True,
  "https://xn--bcher-kva.example:8443": True,
  "chrome-extension://abcdefghijklmnop": True,
  "null": False,
  "": False,
  " ": False,
  "*": False,
  "NULL": False,
  "https://app.example.com:443": False,
  "https://app.example.com/": False,
  "https://app.example.com ": False,
  " https://app.example.com": False,
  "https://APP.example.com": False,
  "HTTPS://app.example.com": False,
  "http://app.example.com": False,
  "wss://app.example.com": False,
  "https://app.example.com:8443": False,
  "https://app.example.com.": False,
  "https://app.example.com.evil.net": False,
  "https://evil.net/app.example.com": False,
  "https://evil.net?app.example.com": False,
  "https://evil.net#https://app.example.com": False,
  "https://app.example.com@evil.net": False,
  "https://app.example.com:pw@evil.net": False,
  "https://evilapp.example.com": False,
  "https://x.app.example.com": False,
  "https://example.com": False,
  "https://app-example.com": False,
  "https://appXexample.com": False,
  "https://app.example.com\\.evil.net": False,
  "https://app.example.com\x00.evil.net": False,
  "https://app.example.com, https://evil.net": False,
  "https://app.example.com https://evil.net": False,
  "http://localhost": False,
  "http://localhost:30000": False,
  "http://127.0.0.1:3000": False,
  "http://[::1]": False,
  "http://[0:0:0:0:0:0:0:1]:3000": False,
  "https://bücher.example:8443": False,
  "file://": False,
  "about:blank": False,
  "data:text/html,x": False,
  "javascript:alert(1)": False,
  "chrome-extension://evilevilevilevil": False,
}


@pytest.mark.parametrize(("sent", "allowed"), MATRIX.items())
def test_only_the_exact_origin_may_connect(sent, allowed):
  refusal = refuse_origin([sent], ALLOWED)
  assert (refusal is None) == allowed
  if refusal is not None:
    assert "may not connect" in refusal
    assert refusal.isprintable()


def test_the_matrix_has_40_origins_and_more():
  assert len(MATRIX) >= 40


@pytest.mark.parametrize("sent", MATRIX)
def test_where_nothing_is_allowed_no_page_may_connect(sent):
  assert refuse_origin([sent], frozenset()) is not None


def test_no_origin_is_no_browser():
  assert refuse_origin([], frozenset()) is None


def test_null_is_refused_even_where_somebody_put_it_on_the_list():
  assert refuse_origin(["null"], frozenset({"null"})) is not None


def test_two_origins_are_none():
  assert refuse_origin(["https://app.example.com"] * 2, ALLOWED) is not None


@pytest.mark.parametrize(
  ("written", "means"),
  [
    ("https://App.Example.com/", "https://app.example.com"),
    ("https://app.example.com:443", "https://app.example.com"),
    ("http://app.example.com:80", "http://app.example.com"),
    ("http://app.example.com:443", "http://app.example.com:443"),
    ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
    (" http://localhost:3000 ", "http://localhost:3000"),
    ("app://local", "app://local"),
  ],
)
def test_a_configured_origin_is_brought_to_the_form_that_browsers_send(written, means):
  assert origin(written) == means
  assert origin(means) == means


@pytest.mark.parametrize(
  "text",
  [
    "null",
    "*",
    "",
    "app.example.com",
    "https://",
    "https://*",
    "https://*.example.com",
    "https://example.com/path",
    "https://user@example.com",
    "https://example.com:0",
    "https://example.com:99999",
    "https://example.com:",
    "https://exa mple.com",
    "https://bücher.example",
    "https://[::1",
    "https://127.1",
    "https://0x7f000001",
    "//example.com",
  ],
)
def test_what_is_no_origin_is_refused_with_the_form(text):
  with pytest.raises(ValueError, match=r"write scheme and host, as in https://app\.example\.com"):
    origin(text)


def test_the_servers_own_pages_are_its_own():
  assert own_origins(["localhost", "127.0.0.1", "::1"], [8000]) == {
    "http://localhost:8000",
    "https://localhost:8000",
    "http://127.0.0.1:8000",
    "https://127.0.0.1:8000",
    "http://[::1]:8000",
    "https://[::1]:8000",
  }
  assert "https://localhost" in own_origins(LOOPBACK_NAMES, [443])


HOSTS = frozenset(map(host, ["feed.example.com", "wss://other.example.com:8443/x", "192.0.2.7"]))

HOST_MATRIX = {
  "localhost": True,
  "localhost:8080": True,
  "LOCALHOST:8080": True,
  "127.0.0.1:8080": True,
  "127.8.9.10": True,
  "[::1]:8080": True,
  "[0:0:0:0:0:0:0:1]": True,
  "feed.example.com": True,
  "Feed.Example.com:9999": True,
  "other.example.com:8443": True,
  "192.0.2.7:8080": True,
  "other.example.com": False,
  "other.example.com:443": False,
  "192.0.2.8": False,
  "": False,
  "evil.net": False,
  "evil.net:8080": False,
  "localhost.evil.net": False,
  "127.0.0.1.evil.net": False,
  "feed.example.com.evil.net": False,
  "xfeed.example.com": False,
  "feed.example.com@evil.net": False,
  "evil.net#localhost": False,
  "localhost:8080@evil.net": False,
  "localhost:99999": False,
  "localhost:0": False,
  "localhost:": False,
  "localhost:80x": False,
  "local host": False,
  "::1": False,
  "[::1": False,
  "[::2]": False,
  "[fe80::1%25lo]": False,
  "127.1": False,
  "0x7f.0.0.1": False,
  "2130706433": False,
  "0": False,
  "0.0.0.0": False,
  "127.0.0.256": False,
  "127.0.0.1\\.evil.net": False,
  "localhost\x00": False,
  "ｌocalhost": False,
  "*": False,
}


@pytest.mark.parametrize(("sent", "right"), HOST_MATRIX.items())
def test_only_names_of_this_server_are_answered(sent, right):
  refusal = refuse_host([sent], HOSTS)
  assert (refusal is None) == right
  assert refusal is None or refusal.isprintable()


@pytest.mark.parametrize("values", [[], ["localhost", "localhost"]])
def test_there_is_one_host_header(values):
  assert refuse_host(values, HOSTS) == "a request needs one Host header"


def test_a_star_lets_in_every_name_but_no_nonsense():
  everything = frozenset({host("*")})
  assert refuse_host(["evil.net:1"], everything) is None
  assert refuse_host(["evil.net@x"], everything) is not None


@pytest.mark.parametrize("text", ["", "a b", "[::1", "x:0", "user@x", "-"])
def test_what_is_no_host_is_refused_with_the_form(text):
  with pytest.raises(ValueError, match=r"as in feed\.example\.com"):
    host(text)


@given(st.text(max_size=40))
def test_no_header_raises(sent):
  for refusal in (refuse_host([sent], HOSTS), refuse_origin([sent], ALLOWED)):
    assert refusal is None or (refusal.isprintable() and len(refusal) < 500)


@pytest.mark.parametrize(
  ("name", "answer"),
  [
    (None, True),
    ("localhost", True),
    ("127.0.0.1", True),
    ("127.1.2.3", True),
    ("::1", True),
    ("[::1]", True),
    ("::ffff:127.0.0.1", True),
    ("", False),
    ("0.0.0.0", False),
    ("::", False),
    ("192.168.1.2", False),
    ("::ffff:192.168.1.2", False),
    ("127.1", False),
    ("localhost.example.com", False),
    ("my-laptop", False),
  ],
)
def test_loopback_is_what_only_this_machine_reaches(name, answer):
  assert is_loopback(name) is answer
