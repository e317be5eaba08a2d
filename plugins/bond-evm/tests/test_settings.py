"""What a spec may say, which node is meant, and what leads here in English."""

import pytest
import trio
from bond_commandkit import text_to_spec
from bond_evm.config import Evm
from bond_evm.sources import SOURCES
from bond_sim.evm.calls import CHAINS as SIMULATED
from bond_sim.evm.chain import KNOWN
from bond_sim.evm.config import EvmConfig, serve_evm

from bond_core import Registry, load_spec, run
from bond_core._errors import Refused, SpecError
from bond_core._spec.values import Secret

USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
  for name in ("EVM_ENDPOINT", "BOND_WS_ALLOW", "BOND_WS_DENY"):
    monkeypatch.delenv(name, raising=False)


def spec(settings, **kinds):
  text = f"sources:\n  chain: {{use: onchain.evm, with: {settings}}}\n"
  return load_spec(text, registry=Registry(), **kinds).sources["chain"].config


@pytest.mark.parametrize(
  ("settings", "reason"),
  [
    ("{chain: My Chain}", "is no chain; write one such as ethereum"),
    ("{symbols: [NOPE]}", "the contract of 'NOPE' on ethereum is not known; write tokens"),
    ("{symbols: [WBTC], chain: base}", "known: DAI, USDC, WETH"),
    ("{symbols: [ETH], chain: bsc}", "the contract of 'ETH' on bsc is not known"),
    ("{addresses: ['0x12']}", "'0x12' is no address of an EVM chain"),
    ("{accounts: [vitalik.eth]}", "is no address of an EVM chain"),
    ("{direction: in}", "direction in of which wallets"),
    ("{tokens: [{address: '0x1', symbol: A}]}", "is no address"),
    (f"{{tokens: [{{address: '{USDT}', symbol: A, decimals: 78}}]}}", "78 decimals cannot be"),
    (f"{{tokens: [{{address: '{USDT}', symbol: ''}}]}}", "is no symbol"),
    ("{event_types: [tx]}", "expected 'transfer', 'block' or 'metric'"),
    ("{min_value: -1}", "min_value"),
    ("{silence: 0.1s}", "shows nothing"),
    ("{backfill: 0}", "write 1 to 20000"),
    ("{url: 'https://eth.example.com'}", "not one of a websocket"),
    ("{url: 'ws://user:pass@eth.example.com/'}", "plain wss://HOST/PATH"),
    ("{url: 'ws://127.0.0.1:8546'}", "private: true"),
    ("{url: 'wss://eth.example.com:8546/'}", "port 8546"),
    ("{endpoint: ftp://x}", "is no endpoint"),
  ],
)
def test_settings_that_cannot_be(settings, reason):
  with pytest.raises(SpecError) as caught:
    spec(settings)
  assert reason in str(caught.value)


def test_a_spec_from_outside_reaches_public_addresses_only():
  assert spec("{url: 'wss://eth.example.com/ws'}", trusted=False).url == "wss://eth.example.com/ws"
  for settings in (
    "{url: 'ws://127.0.0.1:8546'}",
    "{url: 'ws://192.168.0.9/'}",
    "{url: 'ws://[::ffff:10.0.0.1]/'}",
    "{url: 'wss://node.internal/'}",
    "{url: 'ws://127.0.0.1:8546', private: true}",
    "{url: {secret: EVM_KEY}}",
    "{endpoint: 'http://127.0.0.1:1'}",
    "{mode: mock}",
  ):
    with pytest.raises(SpecError):
      spec(settings, trusted=False)


def test_which_node_is_meant(monkeypatch):
  assert Evm().is_mock()
  assert not Evm(mode="node").is_mock()
  private = Evm(url="ws://127.0.0.1:8546/x", private=True)
  assert not private.is_mock()
  assert private.node().allowance is None
  assert Evm(url="wss://eth.example.com/ws").node().allowance is not None
  assert (
    Evm(endpoint="http://127.0.0.1:9008/", chain="base").node().url == "ws://127.0.0.1:9008/base"
  )
  assert not Evm(endpoint="http://127.0.0.1:9008").is_mock()
  monkeypatch.setenv("EVM_ENDPOINT", "wss://host/key")
  assert not Evm().is_mock()
  assert Evm().node().url == "wss://host/key"
  assert Evm(mode="mock").is_mock()
  monkeypatch.setenv("NODE_URL", "https://host/very-secret")
  with pytest.raises(Refused, match="the secret that url names cannot be used") as caught:
    Evm(url=Secret("NODE_URL")).node()
  assert "very-secret" not in str(caught.value)
  for wrong in ("host/very-secret", "wss://very-secret@host/", "wss://host/#very-secret", "wss://"):
    monkeypatch.setenv("EVM_ENDPOINT", wrong)
    with pytest.raises(Refused, match="EVM_ENDPOINT cannot be used") as caught:
      Evm().node()
    assert "very-secret" not in str(caught.value)


def test_kinds_tokens_and_the_longest_silence():
  assert Evm().kinds == {"block"}
  for settings in ({"symbols": ["USDT"]}, {"accounts": [USDT]}, {"min_value": 1.0}):
    assert Evm(**settings).kinds == {"transfer"}
  assert Evm(event_types=["metric", "block"]).kinds == {"metric", "block"}
  assert [Evm(chain=chain).max_silence for chain in ("ethereum", "base", "other")] == [60, 30, 60]
  own = spec(f"{{tokens: [{{address: '{USDT}', symbol: TETHER, decimals: 7}}], symbols: [tether]}}")
  assert own.token_filter() == {USDT.lower()}
  assert own.known_tokens()[USDT.lower()].decimals == 7
  assert [Evm(chain=c).default_symbol for c in ("ethereum", "arbitrum", "mine")] == [
    "ETH",
    "ARB",
    "MINE",
  ]


def test_the_simulator_has_the_same_tokens_and_chains():
  from bond_evm.chains import CHAINS
  from bond_evm.tokens import MAINNET

  assert {name: chain.number for name, chain in CHAINS.items()} == SIMULATED
  assert {address for address, _ in MAINNET.values()} == {token.address for token in KNOWN}
  for address, decimals in MAINNET.values():
    assert next(token.scale for token in KNOWN if token.address == address) == decimals


def loaded(tmp_path, settings):
  text = (
    f"sources:\n  c: {{use: onchain.evm, with: {settings}}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: c, with: {{path: '{tmp_path / 'out.jsonl'}'}}}}\n"
  )
  return load_spec(text, registry=Registry())


async def test_a_node_of_another_chain_ends_the_source_with_a_sentence(nursery, tmp_path):
  url = await nursery.start(serve_evm, EvmConfig(port=0, speed=100))
  ws = url.replace("http", "ws") + "/polygon"
  with trio.fail_after(60):
    result = await run(loaded(tmp_path, f"{{url: '{ws}', private: true}}"), duration=10)
  nursery.cancel_scope.cancel()
  [reason] = result.failures
  assert "the node is of polygon, not of ethereum" in reason


async def test_without_a_node_the_chain_is_simulated(tmp_path):
  spec = loaded(tmp_path, "{chain: base}")
  rows = tmp_path / "out.jsonl"
  async with trio.open_nursery() as own:
    own.start_soon(run, spec)
    with trio.fail_after(60):
      while not rows.exists() or b'"kind":"block"' not in rows.read_bytes():
        await trio.sleep(0.1)
    own.cancel_scope.cancel()
  assert b'"simulated":true' in rows.read_bytes()


@pytest.mark.parametrize(
  ("text", "settings"),
  [
    (
      "USDT transfers on ethereum",
      {"chain": "ethereum", "event_types": ["transfer"], "symbols": ["USDT"]},
    ),
    ("ethereum on-chain activity every 10s", {"chain": "ethereum"}),
    ("ethereum blocks", {"chain": "ethereum", "event_types": ["block"]}),
    ("ethereum gas price every 10s", {"chain": "ethereum", "event_types": ["metric"]}),
    (
      "USDC transfers on base over 100k",
      {"chain": "base", "event_types": ["transfer"], "symbols": ["USDC"]},
    ),
    (
      "ETH transfers over 10 ETH",
      {"chain": "ethereum", "event_types": ["transfer"], "symbols": ["ETH"]},
    ),
    ("BNB transfers", {"chain": "bsc", "event_types": ["transfer"], "symbols": ["BNB"]}),
    (
      "ETH transfers and blocks on base",
      {"chain": "base", "event_types": ["transfer", "block"], "symbols": ["ETH"]},
    ),
    (
      f"ETH transfers to {USDT}, at least 5 ETH",
      {
        "chain": "ethereum",
        "event_types": ["transfer"],
        "symbols": ["ETH"],
        "accounts": [USDT],
        "direction": "in",
      },
    ),
    (
      f"USDC transfers from {USDT}",
      {
        "chain": "ethereum",
        "event_types": ["transfer"],
        "symbols": ["USDC"],
        "accounts": [USDT],
        "direction": "out",
      },
    ),
    (
      f"transfers of {USDT}",
      {"chain": "ethereum", "event_types": ["transfer"], "addresses": [USDT.lower()]},
    ),
  ],
)
def test_sentences_lead_here(text, settings):
  pytest.importorskip("bond_english")
  answer = text_to_spec(text, Registry())
  assert answer.spec is not None, answer.problems
  [node] = [node for node in answer.spec.sources.values() if node.use == "onchain.evm"]
  wanted = Evm(**settings)
  assert node.config == wanted or node.config.addresses == [USDT]


def test_the_example_of_the_source_is_one():
  assert spec(SOURCES[0].example).kinds == {"transfer"}
