import pytest
from bond_geyser import geyser_pb2 as pb, geyser_pb2 as sim_pb
from bond_geyser.base58 import encode
from bond_onchain.config import Solana
from bond_onchain.events import EventReader
from bond_onchain.node import node_of
from bond_onchain.requests import request_of
from bond_onchain.status import ReplayRefused, end_of
from bond_onchain.tokens import MINTS, WRAPPED
from google.protobuf import descriptor_pb2

from bond_core import Registry, SourceType, load_spec
from bond_core._errors import Disconnected, Refused, RetryAfter, SpecError, Unavailable
from bond_core._spec.values import Secret

WALLETS = [encode(bytes([n]) * 32) for n in range(1, 26)]
USDC = MINTS["USDC"]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
  for name in ("GRPC_ENDPOINT", "GRPC_TOKEN", "ONCHAIN_MODE"):
    monkeypatch.delenv(name, raising=False)


def spec(settings, **kinds):
  text = f"sources:\n  chain: {{use: onchain.solana, with: {settings}}}\n"
  return load_spec(text, registry=Registry(), **kinds).sources["chain"].config


@pytest.mark.parametrize(
  ("settings", "reason"),
  [
    ("{symbols: [NOPE]}", r"the mint of 'NOPE' on Solana is not known; write tokens: \{NOPE: MINT"),
    ("{mints: [abc]}", "'abc' is no address of Solana: it has"),
    ("{accounts: ['0x12']}", "'0x12' is no address of Solana: '0' is no base58 digit"),
    ("{event_types: [account]}", "balances of which accounts"),
    ("{direction: in}", "direction in of which wallets"),
    ("{event_types: [swap]}", "swap"),
    ("{min_amount: -1}", "min_amount"),
    ("{commitment: rooted}", "rooted"),
  ],
)
def test_what_cannot_be_is_refused_at_its_place(settings, reason):
  with pytest.raises(SpecError, match=reason) as caught:
    spec(settings)
  assert "sources.chain" in str(caught.value)


def test_the_earlier_short_form_is_this_source():
  found = load_spec(
    '{"sources":[{"type":"onchain","chain":"sol","event_types":["tx","transfer"]}]}',
    registry=Registry(),
  )
  (source,) = found.sources.values()
  assert source.use == "onchain.solana"
  assert source.config.kinds == {"tx", "transfer"}


@pytest.mark.parametrize(
  ("settings", "kinds", "mints"),
  [
    ({}, {"tx"}, None),
    ({"symbols": ["usdc"]}, {"transfer"}, {USDC}),
    ({"symbols": ["SOL/USDT"]}, {"transfer"}, {""}),
    ({"mints": [WRAPPED]}, {"transfer"}, {""}),
    ({"min_amount": 5}, {"transfer"}, None),
    ({"symbols": ["$ABC"], "tokens": {"abc": WALLETS[0]}}, {"transfer"}, {WALLETS[0]}),
    ({"event_types": ["block", "metric"]}, {"block", "metric"}, None),
  ],
)
def test_what_is_meant_where_it_is_not_said(settings, kinds, mints):
  config = Solana(**settings)
  assert config.kinds == kinds
  assert config.mint_filter() == mints


def filters(**settings):
  return dict(request_of(Solana(**settings)).transactions)


def test_the_request_asks_for_what_is_wanted_and_always_for_block_meta():
  request = request_of(Solana(), 77)
  assert list(request.blocks_meta) == ["blocks"]
  assert request.from_slot == 77
  assert request.commitment == pb.CONFIRMED
  assert not request_of(Solana()).HasField("from_slot")
  (wanted,) = request.transactions.values()
  assert (wanted.vote, wanted.failed, list(wanted.account_include)) == (False, False, [])
  assert wanted.HasField("vote")
  (wanted,) = filters(votes=True, failed=True).values()
  assert not wanted.HasField("vote")
  assert not wanted.HasField("failed")
  assert not request.slots
  assert request_of(Solana(commitment="processed")).slots["slots"].interslot_updates
  assert not request_of(Solana(event_types=["block"])).transactions


def test_mints_are_asked_for_only_where_they_are_all_that_is_wanted():
  (wanted,) = filters(symbols=["USDC"]).values()
  assert list(wanted.account_include) == [USDC]
  for settings in ({"complete": True}, {"symbols": ["USDC", "SOL"]}, {"event_types": ["tx"]}):
    (wanted,) = filters(**{"symbols": ["USDC"], **settings}).values()
    assert not wanted.account_include


def test_accounts_are_asked_for_ten_a_filter_and_by_their_token_accounts_too():
  found = filters(accounts=WALLETS)
  assert sorted(len(wanted.account_include) for wanted in found.values()) == [5, 10, 10]
  assert all(wanted.token_accounts == pb.BALANCE_CHANGED for wanted in found.values())
  request = request_of(Solana(accounts=WALLETS[:2], event_types=["account"]))
  assert list(request.accounts["accounts"].account) == WALLETS[:2]


@pytest.mark.parametrize(
  ("endpoint", "target", "tls"),
  [
    ("node.example:10000", "node.example:10000", True),
    ("node.example", "node.example:10000", True),
    ("https://node.example", "node.example:443", True),
    ("http://node.example:10000/", "node.example:10000", False),
    ("127.0.0.1:9003", "127.0.0.1:9003", False),
    ("localhost:9003", "localhost:9003", False),
    ("https://[::1]:9003", "[::1]:9003", True),
  ],
)
def test_endpoints_are_read_and_have_tls_unless_they_say_no(endpoint, target, tls):
  node = node_of(Solana(endpoint=endpoint))
  assert (node.target, node.tls, node.token) == (target, tls, "")


@pytest.mark.parametrize("endpoint", ["ftp://node", "https://", "node:abc", "http://node/path"])
def test_what_is_no_endpoint_is_refused_with_the_forms(endpoint):
  with pytest.raises(Refused, match="write host:port"):
    node_of(Solana(endpoint=endpoint))


def test_the_environment_names_the_node_and_its_token_which_goes_to_no_other(monkeypatch):
  monkeypatch.setenv("GRPC_ENDPOINT", "node.example:10000")
  monkeypatch.setenv("GRPC_TOKEN", "canary")
  node = node_of(Solana())
  assert (node.target, node.token) == ("node.example:10000", "canary")
  assert "canary" not in repr(node)
  assert node_of(Solana(endpoint="other.example:10000")).token == ""
  monkeypatch.setenv("OWN", "own-canary")
  assert node_of(Solana(endpoint="other.example", token=Secret("OWN"))).token == "own-canary"


def test_modes_come_from_the_spec_then_from_the_environment(monkeypatch):
  assert Solana().is_mock()
  assert not Solana(endpoint="node.example").is_mock()
  monkeypatch.setenv("GRPC_ENDPOINT", "node.example")
  assert not Solana().is_mock()
  assert Solana(mode="mock").is_mock()
  monkeypatch.delenv("GRPC_ENDPOINT")
  monkeypatch.setenv("ONCHAIN_MODE", "grpc")
  assert not Solana().is_mock()
  assert node_of(Solana()).target == "chi1.cracknode.com:10000"
  monkeypatch.setenv("ONCHAIN_MODE", "mock")
  assert Solana().is_mock()
  assert not Solana(mode="grpc").is_mock()
  monkeypatch.setenv("ONCHAIN_MODE", "both")
  with pytest.raises(Refused, match="ONCHAIN_MODE is 'both'; expected mock or grpc"):
    node_of(Solana())


@pytest.mark.parametrize(
  ("code", "kind"),
  [
    ("UNAUTHENTICATED", Unavailable),
    ("PERMISSION_DENIED", Unavailable),
    ("INVALID_ARGUMENT", Refused),
    ("UNIMPLEMENTED", Unavailable),
    ("RESOURCE_EXHAUSTED", RetryAfter),
    ("INTERNAL", ReplayRefused),
    ("UNAVAILABLE", Unavailable),
    ("UNKNOWN", Disconnected),
  ],
)
def test_an_end_says_who_has_to_act_and_never_the_token(code, kind):
  node = node_of(Solana(endpoint="node.example"))
  node = type(node)(node.target, node.tls, "canary")
  error = end_of(code, "no canary here", node)
  assert type(error) is kind
  assert "canary" not in str(error)
  assert code in str(error)


def test_a_node_that_says_what_it_stores_has_the_slot_read():
  details = "broadcast from 5 is not available, last available: 912"
  node = node_of(Solana(endpoint="node.example"))
  assert end_of("OUT_OF_RANGE", details, node).oldest == 912
  assert end_of("OUT_OF_RANGE", "too old", node).oldest == 0
  assert str(end_of("UNKNOWN", "no\x1b[2J\nfilters", node)).endswith("UNKNOWN: no [2J filters")


@pytest.mark.parametrize(
  ("code", "details"),
  [
    ("INVALID_ARGUMENT", "failed to get replay position for slot 350123456"),
    ("INVALID_ARGUMENT", "replay `from_slot` available only for `processed` commitment"),
    ("UNIMPLEMENTED", "from_slot is not supported"),
    ("INTERNAL", "from_slot is not supported"),
    ("UNAVAILABLE", "failed to get replay response"),
  ],
)
def test_every_way_in_which_nodes_refuse_a_replay_is_known(code, details):
  error = end_of(code, details, node_of(Solana(endpoint="node.example")))
  assert type(error) is ReplayRefused


@pytest.mark.parametrize(
  ("text", "settings"),
  [
    ("USDC transfers over $100k", {"event_types": ["transfer"], "symbols": ["USDC"]}),
    ("SOL on-chain activity", {}),
    ("solana tps every 10s", {"event_types": ["metric"]}),
    ("BTC price + on-chain activity + tweets every 5s", {"symbol": "BTC"}),
  ],
)
def test_sentences_lead_here(text, settings):
  grammar = pytest.importorskip("bond_english")
  registry = Registry()
  words = {
    word: spec.name
    for plugin in registry.plugins()
    for spec in plugin.of(SourceType)
    for word in spec.words
    if not spec.name.startswith(("onchain.bitcoin", "onchain.evm"))
  }
  (parser,) = grammar.bond_register_parsers()
  sources = parser.parse(text, words).spec["sources"].values()
  found = [source["with"] for source in sources if source["use"] == "onchain.solana"]
  assert found == [settings]
  Solana(**settings)


def test_both_sides_have_the_same_messages():
  def shape(file):
    found = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(found)
    text = str(found).replace(f".{file.package}.", ".")
    return text[text.index("message_type") :].rpartition("syntax")[0]

  assert shape(pb.DESCRIPTOR) == shape(sim_pb.DESCRIPTOR)
  update = sim_pb.SubscribeUpdate(filters=["a"])
  update.slot.slot, update.slot.status = 7, sim_pb.SLOT_DEAD
  found = pb.SubscribeUpdate.FromString(update.SerializeToString())
  assert (found.slot.slot, found.slot.status) == (7, pb.SLOT_DEAD)


def meta(slot, second, transactions, fee):
  update = pb.SubscribeUpdate()
  made = update.block_meta
  made.slot, made.executed_transaction_count = slot, transactions
  made.block_time.timestamp = second
  made.rewards.rewards.add(lamports=fee, reward_type=pb.REWARD_FEE)
  made.rewards.rewards.add(lamports=5, reward_type=pb.REWARD_STAKING)
  return update


def test_metrics_are_whole_seconds_of_block_time():
  reader = EventReader(Solana(event_types=["metric"]))
  blocks = [(1, 100, 9, 1), (2, 101, 30, 10), (3, 101, 20, 20), (4, 103, 7, 5), (5, 104, 1, 1)]
  found = [event for block in blocks for event in reader.read(meta(*block))]
  assert [(e.value, e.ts_exchange, e.meta["leader_fees"]) for e in found] == [
    (25.0, 101_000, 30),
    (7.0, 103_000, 5),
  ]
  assert found[0].meta | {"seconds": 2, "blocks": 2, "transactions": 50} == found[0].meta


@pytest.mark.parametrize(
  "settings", ["{endpoint: 'http://10.0.0.1:1'}", "{token: {secret: BOND_SECRET}}", "{mode: mock}"]
)
def test_a_spec_from_elsewhere_names_no_node_no_secret_and_starts_no_simulator(settings):
  with pytest.raises(SpecError, match=r"sources\.chain"):
    spec(settings, trusted=False)
  assert spec(settings)
  assert spec("{symbols: [USDC]}", trusted=False)
