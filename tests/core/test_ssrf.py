"""URLs from outside: nothing but public addresses is ever connected to."""

import ipaddress
import logging
import random
import socket

import pytest
import trio
from mini import MiniFeed, subscription
from trio_websocket import serve_websocket

from bond_core import Disconnected, Refused, _ssrf as guarding
from bond_core._clock import SystemClock
from bond_core._feeds.contract import Handshake
from bond_core._feeds.driver import FeedDriver
from bond_core._feeds.interest import Interest
from bond_core._ssrf import Allowance, check_url, is_public, read_allowance, vetted_addresses
from bond_core._ws.client import open_websocket

# Everything is written for the canary's own port PORT.
LITERALS = """
  127.0.0.1 127.0.0.2 127.1 127.0.1 127.255.255.254 0 0.0.0.0 0.0.0.1 00000000 2130706433
  0x7f000001 0x7f.0.0.1 0x7F.1 0177.0.0.1 017700000001 0177.1 127.0.0.01 127.000.000.001
  127.0.0.0x1 127.0.0.1. 127.0.0.1.. 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254
  192.168.0.1 192.168.1.254 100.64.0.1 100.100.100.200 169.254.169.254 169.254.170.2 169.254.0.1
  2852039166 0xa9fea9fe 0251.0376.0251.0376 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7
  203.0.113.9 192.88.99.1 168.63.129.16 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
  256.256.256.256 1.2.3 1.2.3.4.5 -127.0.0.1 127.0.0.1%00.example.com
  [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:a9fe:a9fe]
  [::ffff:10.0.0.1] [::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1]
  [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::1] [2002:c0a8:101::1]
  [2001:0:7f00:1::] [2001:0:808:808:0:0:80ff:fffe] [2001:0:808:808::a27b:28f1]
  [2002:5db8:d70e::1] [2001:db8::1] [2001:20::1] [3fff::1] [fc00::1]
  [fd00:ec2::254] [fe80::1] [fe80::1%25lo] [fe80::a9fe:a9fe] [fec0::1] [ff02::1] [100::1] [5f00::1]
  [4000::1] [::1%25lo] [::ffff:0177.0.0.1] [127.0.0.1]
""".split()

NAMES = """
  localhost LOCALHOST localhost. LocalHost.localdomain ip6-localhost foo.localhost a.b.localhost
  printer.local router.lan nas.home vault.internal metadata.google.internal db.corp x.home.arpa
  intranet metadata localhost6 canary.test canary.invalid abc.onion
  127。0。0。1 127．0．0．1 １２７.0.0.1 ⑯⑨.②⑤④.169.254 lo\u00adcalhost localhoſt ex\u200bample.com
  a..example.com .example.com -.com exa$mple.com exa_mple.c 12345678901.0 example.0x7f
""".split()

RESOLVED = {
  "loopback.example.com": ["127.0.0.1"],
  "six.example.com": ["::1"],
  "mapped.example.com": ["::ffff:127.0.0.1"],
  "metadata.example.com": ["169.254.169.254"],
  "translated.example.com": ["64:ff9b::7f00:1"],
  "sixtofour.example.com": ["2002:7f00:1::1"],
  "mixed.example.com": ["93.184.215.14", "127.0.0.1"],
  "any.example.com": ["0.0.0.0"],
  "scoped.example.com": ["fe80::1%1"],
  "many.example.com": [f"93.184.215.{i}" for i in range(17)],
  "127.0.0.1.nip.io": ["127.0.0.1"],
  "xn--lcalhost-54a.com": ["127.0.0.1"],
}

WHOLE = """
  http://stream.example.com/ https://stream.example.com/ file:///etc/passwd ftp://stream.example.com/
  gopher://127.0.0.1:PORT/_x unix:///var/run/docker.sock javascript:alert(1) //127.0.0.1:PORT/
  ws:127.0.0.1:PORT ws:/127.0.0.1:PORT/ ws:///127.0.0.1:PORT/ WSS+unix://127.0.0.1:PORT/
  ws://user@127.0.0.1:PORT/ ws://user:pw@stream.example.com/ ws://stream.example.com@127.0.0.1:PORT/
  ws://stream.example.com:80@127.0.0.1:PORT/ ws://127.0.0.1:PORT#@stream.example.com/
  ws://stream.example.com#@127.0.0.1:PORT/ ws://127.0.0.1:PORT\\@stream.example.com/
  ws://stream.example.com\\@127.0.0.1:PORT/ ws://127.0.0.1%3aPORT/ ws://%6c%6f%63alhost:PORT/
  ws://%31%32%37.0.0.1:PORT/ ws://127.0.0.1:PORT?@stream.example.com/ ws://[::1]:PORT@example.com/
  ws://127.0.0.1:0PORT/ ws://127.0.0.1:/ ws://:PORT/ ws:// ws://? ws://stream.example.com:22/
  ws://stream.example.com:25/ ws://stream.example.com:6379/ ws://stream.example.com:0/
  ws://stream.example.com:65536/ ws://stream.example.com:-1/ ws://stream.example.com:80:PORT/
  ws://stream.example.com:PORT:80/ wss://stream.example.com:2375/ ws://[::1 ws://::1:PORT/
""".split()

BROKEN = [
  "ws://127.0.0.1:PORT/\r\nHost: stream.example.com",
  "ws://stream.example.com/ HTTP/1.1\r\nX: y",
  "ws://stream.example.com\t@127.0.0.1:PORT/",
  " ws://127.0.0.1:PORT/",
  "ws://127.0.0.1:PORT/\x00",
  "ws://stream.example.com/" + "a" * 2100,
]

HOSTILE = [
  *(f"ws://{host}:PORT/feed" for host in [*LITERALS, *NAMES, *RESOLVED]),
  *WHOLE,
  *BROKEN,
]


class Resolver(trio.abc.HostnameResolver):
  """Names have the addresses of `names`, the n-th time the n-th list where there are several."""

  def __init__(self, names):
    self.names = names
    self.resolved = []

  async def getaddrinfo(self, host, port, *_, **__):
    name = host.decode() if isinstance(host, bytes) else host
    self.resolved.append(name)
    answers = self.names.get(name)
    if answers is None:
      raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if isinstance(answers[0], list):
      answers = answers.pop(0) if len(answers) > 1 else answers[0]
    return [
      (
        socket.AF_INET6 if ":" in address else socket.AF_INET,
        socket.SOCK_STREAM,
        6,
        "",
        (address, port, 0, 0) if ":" in address else (address, port),
      )
      for address in answers
    ]

  async def getnameinfo(self, sockaddr, flags):
    raise NotImplementedError


class Canary:
  """A real listener that counts who comes."""

  def __init__(self):
    self.connections = 0
    self.port = 0

  async def run(self, task_status):
    async def handle(stream):
      self.connections += 1
      await stream.aclose()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    self.port = listeners[0].socket.getsockname()[1]
    await trio.serve_listeners(handle, listeners, task_status=task_status)


@pytest.fixture
async def canary(nursery, monkeypatch):
  canary = Canary()
  await nursery.start(canary.run)
  # So that it is the address that must be refused, and not the port.
  monkeypatch.setattr(guarding, "PORTS", guarding.PORTS | {canary.port})
  return canary


@pytest.fixture
async def resolver():
  """Names resolve here for the test, and never by the machine."""
  resolver = Resolver({})
  before = trio.socket.set_custom_hostname_resolver(resolver)
  yield resolver
  trio.socket.set_custom_hostname_resolver(before)


def test_the_corpus_is_as_large_as_was_promised():
  assert len(set(HOSTILE)) == len(HOSTILE) >= 120


async def test_no_hostile_url_reaches_the_canary(canary, resolver):
  resolver.names = dict(RESOLVED)
  for url in HOSTILE:
    written = url.replace("PORT", str(canary.port))
    with pytest.raises((Refused, Disconnected)):
      async with open_websocket(written, addresses=await vetted_addresses(written)):
        pytest.fail(f"{url} was connected to")
  assert canary.connections == 0
  assert set(resolver.resolved) <= {*RESOLVED}


async def test_the_canary_counts_who_comes_without_the_guard(canary):
  with pytest.raises(Disconnected):
    async with open_websocket(f"ws://127.0.0.1:{canary.port}/"):
      pytest.fail("the canary speaks no websocket")
  assert canary.connections == 1


async def test_every_address_of_a_name_must_be_public(resolver):
  addresses = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
  resolver.names = {"stream.example.com": addresses}
  assert await vetted_addresses("wss://stream.example.com/feed") == addresses
  addresses.append("10.0.0.1")
  with pytest.raises(Refused, match="resolves to an address that is not public"):
    await vetted_addresses("wss://stream.example.com/feed")


async def test_a_name_that_does_not_resolve_may_be_tried_again(resolver):
  with pytest.raises(Disconnected, match="does not resolve"):
    await vetted_addresses("wss://stream.example.com/feed")


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(
  canary, resolver, monkeypatch
):
  """A name that is public when it is looked at and loopback a moment later is resolved just
  once."""
  resolver.names = {"rebind.example.com": [["93.184.215.14"], ["127.0.0.1"]]}
  connected = []

  async def connect(host, port, **_):
    connected.append((host, port))
    raise OSError("no network in a test")

  monkeypatch.setattr(trio, "open_tcp_stream", connect)
  url = f"ws://rebind.example.com:{canary.port}/"
  with pytest.raises(Disconnected):
    async with open_websocket(url, addresses=await vetted_addresses(url)):
      pytest.fail("connected")
  assert connected == [("93.184.215.14", canary.port)]
  assert resolver.resolved == ["rebind.example.com"]


class OutsideFeed(MiniFeed):
  def __init__(self, url, allowance):
    super().__init__()
    self._handshake = Handshake(url, allowance=allowance)

  def handshake(self, group, subscriptions):
    return self._handshake


async def test_each_reconnect_looks_again(nursery, resolver, monkeypatch, autojump_clock):
  """The first address fails as networks do; then the name is rebound, and reading ends."""
  resolver.names = {"rebind.example.com": [["93.184.215.14"], ["127.0.0.1"]]}
  connected = []

  async def connect(host, port, **_):
    connected.append(host)
    raise OSError("no route")

  monkeypatch.setattr(trio, "open_tcp_stream", connect)
  rejected = []
  interest = Interest()
  interest.add([subscription("AAA/USDT")])
  driver = FeedDriver(
    OutsideFeed("ws://rebind.example.com/", Allowance()),
    interest,
    append=lambda batch: None,
    reject=lambda subscription, reason: rejected.append(reason),
    clock=SystemClock(),
    log=logging.LoggerAdapter(logging.getLogger("bond.test")),
    rng=random.Random(1),
  )
  nursery.start_soon(driver.run)
  with trio.fail_after(60):
    while not rejected:
      await trio.sleep(0.1)
  assert connected == ["93.184.215.14"]
  assert "resolves to an address that is not public" in rejected[0]


async def test_an_operator_can_allow_a_host(nursery):
  async def handler(request):
    websocket = await request.accept()
    await websocket.send_message("hello")
    await websocket.get_message()

  server = await nursery.start(serve_websocket, handler, "127.0.0.1", 0, None)
  url = f"ws://127.0.0.1:{server.port}/"
  allowance = read_allowance(f"stream.internal, 127.0.0.1:{server.port}")
  addresses = await vetted_addresses(url, allowance)
  assert addresses == ["127.0.0.1"]
  async with open_websocket(url, addresses=addresses) as websocket:
    assert await websocket.receive() == [b"hello"]
  with pytest.raises(Refused):
    await vetted_addresses(f"ws://127.0.0.1:{server.port + 1}/", allowance)
  nursery.cancel_scope.cancel()


def test_an_operator_can_deny_public_networks():
  allowance = read_allowance("", "93.184.0.0/16, 2606:2800::/32")
  for url in ("wss://93.184.215.14/", "wss://[2606:2800::1]/", "wss://[64:ff9b::5db8:d70e]/"):
    assert check_url(url)
    with pytest.raises(ValueError, match="denied on this server"):
      check_url(url, allowance)


@pytest.mark.parametrize(
  "url",
  [
    "wss://ws-feed.exchange.coinbase.com",
    "wss://ws.kraken.com/v2",
    "wss://stream.binance.com:9443/stream?streams=btcusdt@trade/ethusdt@trade",
    "ws://8.8.8.8/",
    "wss://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/a?b=c@d",
    "wss://xn--bcher-kva.example.com/",
    "wss://EXAMPLE.com",
  ],
)
def test_ordinary_urls_pass(url):
  host, port = check_url(url)
  assert host == host.lower()
  assert port in guarding.PORTS


def test_no_refusal_repeats_what_stands_in_the_url():
  for url in ("ws://user:canary-7f3a@a.example.com/", "http://x/?token=canary-7f3a"):
    with pytest.raises(ValueError, match="URL") as caught:
      check_url(url)
    assert "canary" not in str(caught.value)


def test_public_and_not_public_agree_with_the_standard_library_where_it_is_stricter():
  rng = random.Random(7)
  for _ in range(5000):
    for address in (
      ipaddress.IPv4Address(rng.getrandbits(32)),
      ipaddress.IPv6Address(rng.getrandbits(128)),
      ipaddress.IPv6Address((0x20 << 120) | rng.getrandbits(120)),
      ipaddress.IPv6Address((0x2001 << 112) | rng.getrandbits(112)),
    ):
      if is_public(address):
        assert address.is_global, address
        assert not address.is_multicast, address
