"""What a spec and the environment may say, and that none of it shows a password."""

import pytest
from bond_redis.address import Address, address_of, parse_address
from bond_redis.config import Streams

from bond_core import Duration, Registry, Secret, Size, SpecError, load_spec
from bond_core._logs.ring import RingSize
from bond_core._spec.structure import structure

CANARY = "canary-3f9a"


@pytest.mark.parametrize(
  ("url", "address", "shown"),
  [
    ("redis://localhost", Address(), "redis://localhost:6379"),
    ("redis://h:1/2", Address(host="h", port=1, db=2), "redis://h:1/2"),
    ("redis://h?db=3", Address(host="h", db=3), "redis://h:6379/3"),
    ("rediss://h", Address(host="h", tls=True), "rediss://h:6379"),
    ("redis://[::1]:7/", Address(host="::1", port=7), "redis://[::1]:7"),
    ("unix:///run/r.sock?db=1", Address(path="/run/r.sock", db=1), "unix:///run/r.sock?db=1"),
    (
      f"redis://me%40x:{CANARY}%2F@h",
      Address(host="h", username="me@x", password=CANARY + "/"),
      "redis://h:6379",
    ),
    (f"redis://:{CANARY}@h", Address(host="h", password=CANARY), "redis://h:6379"),
    (f"unix://:{CANARY}@/r", Address(path="/r", password=CANARY), "unix:///r"),
  ],
)
def test_an_address_is_read_and_shown_without_credentials(url, address, shown):
  assert parse_address(url) == address
  assert str(address) == shown
  assert CANARY not in repr(address)


@pytest.mark.parametrize(
  "url",
  [
    f"http://:{CANARY}@h",
    f"{CANARY}",
    f"redis://:{CANARY}@h:port",
    f"redis://:{CANARY}@h:99999",
    f"redis://:{CANARY}@",
    f"redis://:{CANARY}@h/db",
    f"redis://:{CANARY}@h/1/2",
    f"redis://h?password={CANARY}",
    f"redis://h#{CANARY}",
    f"redis://[{CANARY}",
    f"unix://{CANARY}/path",
    "unix://",
    "",
  ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url, monkeypatch):
  with pytest.raises(ValueError, match=r"host|begins|option|slashes|database") as raised:
    parse_address(url)
  assert CANARY not in str(raised.value)
  if url:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ValueError, match="REDIS_URL is no address") as raised:
      address_of(None, None)
    assert CANARY not in str(raised.value)


def test_the_environment_says_what_a_spec_does_not(monkeypatch):
  monkeypatch.delenv("REDIS_URL", raising=False)
  assert str(address_of(None, None)) == "redis://localhost:6379"
  monkeypatch.setenv("REDIS_URL", f"redis://:{CANARY}@elsewhere:7")
  assert address_of(None, None) == Address(host="elsewhere", port=7, password=CANARY)
  assert address_of(None, "other").password == "other"
  assert address_of("redis://here", None) == Address(host="here")


def test_the_defaults_are_those_of_the_contract():
  (spec,) = [log for log in Registry().plugin("redis").components if log.name == "redis.streams"]
  config, faults = structure({}, spec.config)
  assert (list(faults), config) == ([], Streams())
  assert (config.maxlen, config.url, config.prefix) == (1000, None, "")
  assert spec.ring(config) == RingSize(Duration(60.0), Size(64 * 1024 * 1024))


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"url": f"redis://:{CANARY}@h"}, "a password never stands in a spec"),
    ({"url": f"http://:{CANARY}@h"}, "this is no address of a Redis server"),
    ({"password": CANARY}, "a secret never stands in a spec"),
    ({"prefix": "{a}"}, "what a Redis Cluster places together"),
    ({"maxlen": 0}, "maxlen has to be more than 0"),
    ({"market_maxlen": -1}, "market_maxlen has to be more than 0"),
    ({"timeout": "0s"}, "timeout has to be more than 0"),
    ({"maxlenn": 5}, "did you mean 'maxlen'"),
  ],
)
def test_a_wrong_value_is_reported_at_its_place_and_a_password_is_not_shown(settings, message):
  import json

  text = (
    "sources: {c: {use: core.jsonl, with: {path: r.jsonl}}}\n"
    f"log: {{use: redis.streams, with: {json.dumps(settings)}}}\n"
  )
  with pytest.raises(SpecError) as raised:
    load_spec(text, registry=Registry())
  assert message in str(raised.value)
  assert CANARY not in str(raised.value)


def test_a_whole_configuration_is_taken():
  text = (
    "sources: {c: {use: core.jsonl, with: {path: r.jsonl}}}\n"
    "log: {use: redis.streams, with: {url: 'rediss://me@h:1/2', password: {secret: PW}, "
    "prefix: 'a:', maxlen: 5, market_maxlen: 6, timeout: 2s, keep: 5s, size: 1MiB}}\n"
  )
  spec = load_spec(text, registry=Registry())
  assert spec.log.config == Streams(
    url="rediss://me@h:1/2",
    password=Secret("PW"),
    prefix="a:",
    maxlen=5,
    market_maxlen=6,
    timeout=Duration(2.0),
    keep=Duration(5.0),
    size=Size(1024 * 1024),
  )
