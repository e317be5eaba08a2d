"""What a name may concern is found without asking everything, and nothing is overlooked."""

from bond_broker.delivery.groups import Groups
from bond_broker.delivery.lookup import Lookup
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.traffic import Traffic
from bond_broker.protocol import spellings
from bond_broker.protocol.filters import Filter, MarketPattern
from bond_broker.protocol.selection import Selection
from hypothesis import given, strategies as st

from bond_core import Gap, Trade
from bond_core._events import CHANNELS
from bond_core.logs import Record

PARTS = st.sampled_from(["BTC", "ETH", "USDT", "USD", "kPEPE", "TSLA", "\u5e01\u5b89", ""])
PAIRS = st.builds("{}/{}".format, PARTS, PARTS)
SYMBOLS = (
  PARTS
  | PAIRS
  | st.builds("{}:{}".format, PAIRS, PARTS)
  | st.builds("{}{}".format, PARTS, PARTS)
  | PAIRS.map(str.lower)
)
CHANNEL = st.sampled_from([*CHANNELS, "consolidated"])
MARKETS = st.builds(MarketPattern, SYMBOLS, settle=st.none() | PARTS)
FILTERS = st.builds(
  Filter,
  channels=st.frozensets(CHANNEL, min_size=1),
  markets=st.none() | st.frozensets(MARKETS, max_size=3),
  consolidated=st.booleans(),
  names=st.frozensets(SYMBOLS.map(str.upper), max_size=2),
)


@given(FILTERS, CHANNEL, SYMBOLS)
def test_a_filter_has_a_spelling_of_every_symbol_that_it_matches(matched, channel, symbol):
  found = spellings.of_filter(matched)
  gap = Gap(channel="*", exchange="*", symbol=symbol, reason="upstream", ts_event=1)
  if matched.matches(channel, "okx", symbol) or (symbol != "*" and matched.concerns(gap)):
    assert found is None or found & spellings.of_symbol(symbol)


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.frozensets(SYMBOLS)), max_size=12))
def test_a_lookup_finds_what_shares_a_spelling_or_has_all(steps):
  lookup, model = Lookup[int](), dict[int, frozenset[str] | None]()
  for thing, named in steps:
    if thing in model:
      lookup.remove(thing)
      del model[thing]
    else:
      lookup.add(thing, named)
      model[thing] = named
    assert set(lookup) == set(lookup.of(None)) == set(model)
    for wanted in ({"BTC/USDT"}, {"BTC", "ETH"}, set()):
      found = {one for one, of in model.items() if of is None or wanted & of}
      assert set(lookup.of(wanted)) == found


async def test_a_new_symbol_asks_only_the_groups_that_may_want_it(monkeypatch):
  asked = []
  pick = Selection.pick
  monkeypatch.setattr(Selection, "pick", lambda self, key: asked.append(key) or pick(self, key))
  router = MarketRouter(Traffic())
  groups = Groups(router.add, router.remove)
  for number in range(100):
    named = frozenset((MarketPattern(f"T{number}/USDT"),))
    groups.of(Selection((Filter(frozenset(("trades",)), named),)))
  trades = [
    Trade(exchange="x", symbol=f"T{number}/USDT", price=1.0, size=1.0) for number in range(100)
  ]
  assert len(router.sort(Record(1, 0, trades))) == 100
  # One subscription more is as cheap, however many symbols there are.
  groups.of(
    Selection((Filter(frozenset(("trades",)), frozenset((MarketPattern("T7/USDT"),)), raw=True),))
  )
  assert len(asked) == 101
