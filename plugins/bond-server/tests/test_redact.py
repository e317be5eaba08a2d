"""No token, key or secret appears in a log, whatever a program puts there."""

import io
import logging
from urllib.parse import quote, unquote

import pytest
from bond_server.access.api_keys import KeyTable
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.access.credentials import credentials_of, with_first_message
from bond_server.access.secret import server_secret
from bond_server.access.tokens import mint
from hypothesis import given, strategies as st

from bond_core import AuthError, Credentials, Registry, Secret
from bond_core._redact import HIDDEN, Redact, guard, redact_target, redact_text

SIGNATURE = "9wXKsMMA03kZkFwlPDvpdLfx8k2ELugXShq5ff0rHQg"
TOKEN = f"market.2000000000.{SIGNATURE}"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"
KEY = "canary-key-0123456789"


@pytest.mark.parametrize(
  ("target", "shown"),
  [
    ("/stream", "/stream"),
    ("/stream?symbol=BTC/USDT&from=now-5m", "/stream?symbol=BTC/USDT&from=now-5m"),
    (f"/stream?token={TOKEN}&from=now-5m", "/stream?token=***&from=now-5m"),
    (f"/ws/0123456789abcdef?from=1&token={TOKEN}", "/ws/0123456789abcdef?from=1&token=***"),
    ("/stream?TOKEN=x&Key=y", "/stream?TOKEN=***&Key=***"),
    ("/stream?%74%6Fken=x&to%6ben=y", "/stream?%74%6Fken=***&to%6ben=***"),
    ("/stream?token=a\"b'c<d e;f&x=1", "/stream?token=***&x=1"),
    ("/stream?token=&x=1", "/stream?token=&x=1"),
    ("/stream?token", "/stream?token"),
    ("/stream?a=1?token=x", "/stream?a=1?token=***"),
    ("/page#access_token=x&y=2", "/page#access_token=***&y=2"),
    ("wss://user:pa.ss@feed.example.com/stream?a=1", "wss://***@feed.example.com/stream?a=1"),
    (f"/a?x=n1~market.2000000000~eyJleHAiOjF9~{SIGNATURE}", "/a?x=***"),
    (f"/login?next=/stream%3Fa&x={TOKEN}", "/login?next=/stream%3Fa&x=market.2000000000.***"),
    (f"/x/{JWT}?a=1", "/x/***?a=1"),
  ],
)
def test_a_target_keeps_what_was_requested_and_loses_secrets(target, shown):
  assert redact_target(target) == shown


@given(
  st.lists(st.tuples(st.sampled_from(["symbol", "from", "a b", "é"]), st.text(max_size=8))),
  st.sampled_from(["token", "Token", "key", "api_key"]),
  st.text(min_size=6, max_size=30).filter(str.isprintable),
  st.data(),
)
def test_the_value_of_a_secret_parameter_never_stays_wherever_it_stands(others, name, value, data):
  value = f"Canary{value}"
  escaped = "".join(f"%{ord(char):02x}" if data.draw(st.booleans()) else char for char in name)
  pairs = [f"{quote(k)}={quote(v)}" for k, v in others]
  pairs.insert(data.draw(st.integers(0, len(pairs))), f"{escaped}={quote(value)}")
  shown = redact_target("/stream?" + "&".join(pairs))
  assert "Canary" not in unquote(shown)
  assert shown.count("=") >= len(pairs)


@pytest.mark.parametrize(
  "text",
  [
    f"GET /stream?token={TOKEN} 401",
    f"connect to ws://localhost:8080/stream?a=1&token={TOKEN}",
    f"Authorization: Bearer {KEY}",
    f"authorization=Bearer {KEY}",
    f"('Authorization', 'Bearer {KEY}')",
    f"(b'authorization', b'Bearer {KEY}')",
    f"{{'x-api-key': '{KEY}', 'host': 'x'}}",
    f"[(b'X-API-Key', b'{KEY}')]",
    f"X-API-Key: {KEY}",
    f"Cookie: session={KEY}; other={KEY}",
    f"sent bearer {KEY}",
    f"sent Bearer%20{KEY}",
    f'{{"type":"auth","token":"{KEY}"}}',
    f"{{'type': 'auth', 'token': '{KEY}'}}",
    f'"{{\\"type\\":\\"auth\\",\\"token\\":\\"{KEY}\\"}}"',
    f"token={KEY}",
    f"api_key={KEY}, more",
    f"redis://user:{KEY}@host:6379/0",
    f"what is {TOKEN}?",
    f"what is {JWT}?",
  ],
)
def test_a_text_loses_what_looks_like_a_credential(text):
  shown = redact_text(text)
  assert HIDDEN in shown
  for canary in (SIGNATURE, KEY, JWT[-20:]):
    assert canary not in shown


@pytest.mark.parametrize(
  "text",
  [
    "binance: connected to wss://stream.binance.com:9443/stream in 0.3 s",
    "12 events of BTC/USDT at 68123.5, 0 gaps",
    "stream 0123456789abcdef: 3 clients, lag 17",
    "show a token (?token=, Authorization: Bearer, or the first message) or an API key (X-API-Key)",
    "spec.yaml:5:31: sources.x.with.query: unknown key",
    "http://[::1]:8000/v1/streams?limit=5&symbol=BTC%2FUSDT",
  ],
)
def test_ordinary_lines_stay_readable(text):
  shown = redact_text(text)
  assert shown in (text, text.replace("Authorization: Bearer", "Authorization: ***"))


def log_to(handler):
  handler.addFilter(Redact())
  logger = logging.Logger("bond", logging.DEBUG)
  logger.addHandler(handler)
  return logger


def written(say):
  out = io.StringIO()
  handler = logging.StreamHandler(out)
  handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
  say(log_to(handler))
  return out.getvalue()


def test_the_filter_takes_it_out_of_messages_arguments_and_tracebacks():
  def say(log):
    log.info("GET %s from %s", f"/stream?token={TOKEN}", "127.0.0.1")
    log.info("%(url)s", {"url": f"/stream?token={TOKEN}"})
    log.info({"token": KEY})
    try:
      raise ValueError(f"no such page: /stream?token={TOKEN}") from KeyError(f"Bearer {KEY}")
    except ValueError:
      log.exception("failed on %s", f"X-API-Key: {KEY}", stack_info=True)

  text = written(say)
  assert "GET /stream?token=*** from 127.0.0.1" in text
  assert "ValueError: no such page: /stream?token=***" in text
  assert "KeyError" in text
  assert "Traceback" in text
  for canary in (SIGNATURE, KEY):
    # The stack shows the lines of this file, which build the canaries but do not hold them.
    assert canary not in text


def test_the_filter_takes_it_out_of_extra_fields_too():
  seen = []

  class Keep(logging.Handler):
    def emit(self, record):
      seen.append(record)

  log_to(Keep()).info("x", extra={"target": f"/stream?token={TOKEN}", "token": KEY, "count": 3})
  (record,) = seen
  assert (record.target, record.token, record.count) == ("/stream?token=***", HIDDEN, 3)


def test_a_wrong_format_string_is_still_logged():
  assert "%d events" in written(lambda log: log.warning("%d events", "many"))


def test_guard_protects_every_handler_once():
  logger = logging.Logger("bond")
  handlers = [logging.NullHandler(), logging.NullHandler()]
  for handler in handlers:
    logger.addHandler(handler)
  guard(logger)
  guard(logger)
  assert [len(handler.filters) for handler in handlers] == [1, 1]


def test_the_commands_log_is_guarded(capsys):
  from bond_commandkit import set_up_logging

  logger = logging.getLogger("bond")
  before = (logger.handlers[:], logger.propagate, logger.level)
  try:
    set_up_logging(2, quiet=False)
    try:
      raise RuntimeError(f"/stream?token={TOKEN}")
    except RuntimeError:
      logging.getLogger("bond.broker").exception("refused /stream?token=%s", TOKEN)
  finally:
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])
  message = capsys.readouterr().err
  assert "refused /stream?token=***" in message
  assert "RuntimeError: /stream?token=***" in message
  assert SIGNATURE not in message


async def test_a_canary_that_goes_everywhere_comes_out_nowhere(ctx, monkeypatch, tmp_path, caplog):
  """One secret, one key and one token go through everything here that handles them, the wrong way
  and the right way; then all that was printed, raised or logged is searched."""
  secret = "canary-of-the-secret-0123456789-x"
  monkeypatch.setenv("BOND_API_KEYS", f"canary:{KEY}")
  monkeypatch.setenv("BOND_SECRET", secret)
  monkeypatch.setenv("CANARY", KEY)
  caplog.set_level(logging.DEBUG)
  message = []

  def tell(*things):
    for thing in things:
      message.extend((repr(thing), str(thing), format(thing)))

  found = server_secret(tmp_path, loopback=False)
  token = mint("market", 10**10, keyring=found.keyring, generations=ctx.tokens.generations)
  canaries = (secret, secret.encode().hex(), KEY, token[-43:])
  ctx.tokens.keyring.adopt(found.keyring)
  chain = make_chain(DEFAULT, Registry(), ctx)
  tell(found, found.keyring, ctx, chain, KeyTable({"x": KEY}), Secret("CANARY"))
  for shown in (
    credentials_of(f"/stream?token={token}"),
    credentials_of(f"/stream?token={token}x"),
    credentials_of("/stream", [("Authorization", f"Bearer {KEY}"), ("X-API-Key", KEY)]),
    credentials_of(f"/stream?key={KEY}x"),
    with_first_message(Credentials(), f'{{"type":"auth","token":"{token}"}}'),
    with_first_message(Credentials(), f'{{"type":"auth","token":"{token[:-1]}"}}'),
  ):
    tell(shown)
    for stream in ("market", "0123456789abcdef"):
      try:
        who = await chain.admit(shown, stream, now_ms=ctx.clock.now_ms())
        tell(who)
        who.check(10**14)
      except AuthError as exc:
        tell(exc, exc.__cause__, exc.__context__)
  for environ in (
    {"BOND_SECRET": secret, "BOND_SECRET_PREVIOUS": KEY},
    {"BOND_SECRET": f"{secret} {KEY}"},
    {"BOND_SECRET_PREVIOUS": secret},
    {"BOND_SECRET": secret, "BOND_SECRET_FILE": "x"},
  ):
    with pytest.raises(AuthError) as error:
      server_secret(tmp_path, loopback=False, environ=environ)
    tell(error.value)
  for entry in (
    {"use": "core.keys", "with": {"keys": {"a": KEY}}},
    {"use": "core.keys", "keys": {"a": KEY}},
  ):
    with pytest.raises(Exception, match=r"\w") as error:
      make_chain([entry], Registry(), ctx)
    tell(error.value)
  assert len(message) > 60
  everything = "\n".join([*message, caplog.text])
  for canary in canaries:
    assert canary not in everything
