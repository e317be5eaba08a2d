"""Sources of what happens on chains: which chain is meant, and which transfers."""

from typing import Any

from bond_english.binding import Item, Wish
from bond_english.conditions import value_condition
from bond_english.marks import ASSUMED, CHAIN
from bond_english.order import Order
from bond_english.words import chains, data, venues

_KEYS = {"mint": "mints", "address": "addresses", "account": "accounts"}
"""What a source calls the tokens, contracts and wallets of the filters."""


def add_chains(order: Order, wish: Wish) -> None:
  """One source for each chain that is named or that the assets are at home on.

  A source of a chain takes `symbols` (tokens), `mints`, `addresses` (contracts) or `accounts`
  (wallets), and `event_types`; that of the EVM chains `chain`, and that of Solana `symbol`,
  which is what its network's activity is said to be about.
  """
  order.take("chain")
  named = wish.chains or _by_address(order, wish)
  groups: dict[str, list[Item]] = {chain: [] for chain in named}
  for item in wish.items:
    own = chains.OF_ASSET.get(item.pair.base) or chains.TOKENS.get(item.pair.base)
    if len(named) > 1 and own not in named:
      # A token that is on several of the chains is wanted on each.
      for chain in named:
        groups[chain].append(item)
    elif named:
      groups[own if own in named and own is not None else named[0]].append(item)
    else:
      groups.setdefault(own or _likely(order, item), []).append(item)
  if not groups and wish.kind == "gas":
    groups["ethereum"] = []
    order.draft.warn("no chain is named; the gas price is taken for that of Ethereum")
    order.draft.assumed.append(("chain", "ethereum", ASSUMED))
  events = order.take_list("event_types")
  if order.take("metric") == "tps" and "metric" not in events:
    events.append("metric")
  if wish.kind == "gas":
    events = ["metric"]
  for chain, items in groups.items():
    _add_chain(order, wish, chain, items, events)


def _by_address(order: Order, wish: Wish) -> list[str]:
  """The chain that an address or a decentralised venue is on."""
  if order.says("mint") or not str(order.take("account", "0x")).startswith("0x"):
    return ["solana"]
  if order.says("address") or order.says("account"):
    return ["ethereum"]
  on = [venues.CHAIN_OF_DEX[venue] for venue in wish.venues if venue in venues.CHAIN_OF_DEX]
  if not on and order.take("venue_type") == "dex":
    return ["solana"]
  return list(dict.fromkeys(on))


def _likely(order: Order, item: Item) -> str:
  """The chain of a token that is on several: one whose source is there."""
  chain = next(
    (c for c in ("solana", "ethereum") if order.offers.is_source(chains.SOURCES[c])), "solana"
  )
  order.draft.warn(f"no chain is named for {item.pair.base}; taken for {_name(chain)}")
  order.draft.assumed.append(("chain", chain, ASSUMED))
  return chain


def _add_chain(order: Order, wish: Wish, chain: str, items: list[Item], events: list[str]) -> None:
  label = data.KINDS[wish.kind].label
  where = value_condition(order, wish, items)
  addresses = {key: order.take_list(name) for name, key in _KEYS.items() if order.says(name)}
  use = chains.SOURCES.get(chain)
  if wish.kind == "gas":
    use = order.offers.by_word("gas price", "gas", "gas fees") or use
  elif "swap" in events:
    use = order.offers.by_word(f"{chain} swaps", "swaps")
    if use is None:
      order.cannot(f"swaps on {_name(chain)}: no package is known that offers them")
      return
  if use is None:
    order.cannot(f"{label} of {_name(chain)}: no package is known that offers this")
    return
  # A chain's own asset is not a token on it: everything that happens there is about it.
  bases = [item.pair.base for item in items]
  tokens = [base for base in bases if chains.OF_ASSET.get(base) != chain]
  if chain == "bitcoin":
    # There are no tokens on it that a source could tell apart.
    tokens = []
  if where and use == "onchain.solana":
    # An amount is of what is named, and of nothing else that moves there.
    tokens = bases
  about: list[str] = []
  if not order.offers.is_source(use):
    elsewhere = chain == "bitcoin" and not events and not order.draft.of(CHAIN)
    if elsewhere and order.offers.is_source(chains.SOURCES["solana"]):
      _instead(order, items)
      chain, use, tokens, about = "solana", chains.SOURCES["solana"], [], bases[:1]
    else:
      package = {"onchain.bitcoin": "bond-bitcoin", "onchain.evm": "bond-evm"}.get(
        use, "bond-onchain"
      )
      order.recipe.needs(package, f"{label} of {_name(chain)}")
  settings: dict[str, Any] = {"chain": chain} if use == "onchain.evm" else {}
  if events:
    settings["event_types"] = list(events)
  if addresses:
    settings |= addresses
  elif tokens:
    settings["symbols"] = list(dict.fromkeys(tokens))
  if about:
    # What another chain tells for it counts in its own windows.
    settings["symbol"] = about[0]
  key = order.recipe.source(f"{wish.kind}-{chain}", use, settings, where)
  order.leg(wish, key, [item.pair.base for item in items], where=where)


def _instead(order: Order, items: list[Item]) -> None:
  """Solana's network activity for Bitcoin's, where only that is installed."""
  about = items[0].pair.base if items else "BTC"
  order.draft.warn(
    f"on-chain activity of {about} is that of the Bitcoin chain, for which nothing is installed; "
    "taken for the network activity of Solana"
  )
  order.draft.assumed.append(("chain", "solana", ASSUMED))


def _name(chain: str) -> str:
  return chain.upper() if chain == "bsc" else chain.capitalize()
