"""Sources of on-chain data: on which chains, of which tokens, contracts or wallets."""

from typing import Any, Final

from bond_english.building.conditions import value_condition
from bond_english.building.context import BuildContext
from bond_english.building.how_often import requested_interval
from bond_english.building.said import conditions_said
from bond_english.building.spec_draft import EACH, SAMPLE, WINDOW, Output
from bond_english.meaning.sharing import Selection, Symbol
from bond_english.text.chunks import ASSUMED, CHAIN, EXACT
from bond_english.words import chains, data, venues

_SETTING_OF_FILTER = {"mint": "mints", "address": "addresses", "account": "accounts"}
_PACKAGES = {"onchain.bitcoin": "bond-bitcoin", "onchain.evm": "bond-evm"}
_DEFAULT_PACKAGE = "bond-onchain"
_EVENTS = {
  "onchain.evm": ("transfer", "block", "metric"),
  "onchain.solana": ("tx", "transfer", "block", "account", "metric"),
  "onchain.bitcoin": ("tx", "transfer", "block", "metric", "mempool"),
}
"""The kinds of events that each source has."""
UNKNOWN_CHAIN: Final = "?"
"""That of an asset whose blocks are asked for, and which is on no chain that is known."""

_AMOUNTS = frozenset(("min_amount", "max_amount"))
_RARE = frozenset(("transfer", "swap", "block", "mint", "burn", "account"))
"""Events that are worth more each than as a number."""


def add_chain_sources(context: BuildContext, selection: Selection) -> None:
  """Adds a source for each chain of the selection, or for the home chains of its assets.

  A chain's source takes `symbols` (tokens), `mints`, `addresses` (contracts) or `accounts`
  (wallets), and `event_types`; that of the EVM chains also `chain`, and that of Solana `symbol`,
  the asset that its network activity is about.
  """
  filters = selection.settings
  filters.use("chain")
  named = selection.chain_names or _chains_of_addresses(context, selection)
  symbols_of: dict[str, list[Symbol]] = {chain: [] for chain in named}
  for symbol in selection.symbols:
    base = symbol.pair.base
    home = chains.CHAIN_OF_ASSET.get(base) or chains.CHAIN_OF_TOKEN.get(base)
    if base == "ETH" and selection.kind == "onchain" and _of_transfers(selection):
      home = "ethereum"
    if len(named) > 1 and home not in named:
      # A token that is on several of the chains.
      for chain in named:
        symbols_of[chain].append(symbol)
    elif named:
      symbols_of[home if home in named and home is not None else named[0]].append(symbol)
    else:
      home = home or _assumed_chain(context, selection, symbol)
      symbols_of.setdefault(home, []).append(symbol)
  if not symbols_of and selection.kind == "gas":
    symbols_of["ethereum"] = []
    context.findings.warn("no chain is named; the gas price is taken for that of Ethereum")
    context.findings.assume("chain", "ethereum", ASSUMED)
  event_types = [] if selection.kind == "gas" else filters.use_list("event_types")
  bounded = any(map(filters.has, _AMOUNTS))
  if bounded and not event_types and selection.kind == "onchain":
    # Only transfers have an amount.
    event_types = ["transfer"]
  if filters.use("metric") == "tps" and "metric" not in event_types:
    event_types.append("metric")
  if selection.kind == "gas":
    event_types = ["metric"]
  for chain, symbols in symbols_of.items():
    if chain == UNKNOWN_CHAIN:
      events = " and ".join(f"{event}s" for event in event_types)
      names = " and ".join(symbol.pair.base for symbol in symbols)
      context.add_unavailable(
        selection, f"{events} of {names}: no package is known that has its chain"
      )
      continue
    if bounded and "transfer" in event_types and len(event_types) > 1:
      # Blocks have no amount.
      others = [event for event in event_types if event != "transfer"]
      for own, unbounded in ((["transfer"], False), (others, True)):
        begun = len(context.spec.branches)
        _add_chain(context, selection, chain, symbols, own, unbounded=unbounded)
        said: list[tuple[str, Any]] = [("event_types", own)]
        said += [(s.name, s.value) for s in filters.used() if s.name in _AMOUNTS and not unbounded]
        for branch in context.spec.branches[begun:]:
          branch.said = ", ".join(conditions_said(said))
    else:
      _add_chain(context, selection, chain, symbols, event_types)


def _chains_of_addresses(context: BuildContext, selection: Selection) -> list[str]:
  """The chains of an address or of decentralised venues."""
  filters = selection.settings
  named = [*filters.use_list("account"), *filters.use_list("mint")]
  chain = chains.chain_of_address(named[0]) if named else "ethereum"
  if chain != "ethereum":
    return [chain]
  if filters.has("address") or filters.has("account"):
    if not selection.symbols:
      context.findings.warn("no chain is named; an address 0x… is taken for one of Ethereum")
      context.findings.assume("chain", "ethereum", ASSUMED)
    return ["ethereum"]
  dexes = [venue for venue in selection.venue_names if venue in venues.CHAIN_OF_DEX]
  if not dexes and filters.use("venue_type") == "dex":
    return ["solana"]
  return list(dict.fromkeys(venues.CHAIN_OF_DEX[venue] for venue in dexes))


def _of_transfers(selection: Selection) -> bool:
  """Whether a selection is of transfers and of nothing else."""
  return selection.settings.use_list("event_types") == ["transfer"]


def _assumed_chain(context: BuildContext, selection: Selection, symbol: Symbol) -> str:
  """The chain of a token without a home chain: Solana or Ethereum, whichever has a source; neither
  where blocks of its own chain are asked for."""
  if not data.CHAIN_WIDE_EVENTS.isdisjoint(selection.settings.use_list("event_types")):
    return UNKNOWN_CHAIN
  possible = [
    chain
    for chain in ("solana", "ethereum")
    if context.catalogue.is_installed(chains.SOURCES[chain])
  ]
  chain = next(iter(possible), "solana")
  context.findings.warn(
    f"no chain is named for {symbol.pair.base}; taken for {_display_name(chain)}"
  )
  context.findings.assume("chain", chain, ASSUMED)
  return chain


def _add_chain(
  context: BuildContext,
  selection: Selection,
  chain: str,
  symbols: list[Symbol],
  event_types: list[str],
  *,
  unbounded: bool = False,
) -> None:
  filters, catalogue, kind = selection.settings, context.catalogue, selection.kind
  label, display_name = data.KINDS[kind].label, _display_name(chain)
  where = "" if unbounded else value_condition(context, selection, symbols)
  addresses = {
    setting: filters.use_list(name)
    for name, setting in _SETTING_OF_FILTER.items()
    if filters.has(name)
  }
  if event_types == ["tx"] and "mints" in addresses:
    # Transactions name programs and tokens alike.
    addresses["addresses"] = addresses.pop("mints")
  use = chains.SOURCES.get(chain)
  if kind == "gas":
    use = catalogue.of_kind("gas") or use
  elif "swap" in event_types:
    use = catalogue.by_words(f"{chain} swaps", "swaps")
    if use is None:
      context.add_unavailable(
        selection, f"swaps on {display_name}: no package is known that offers them"
      )
      return
  if use is None:
    context.add_unavailable(
      selection, f"{label} of {display_name}: no package is known that offers this"
    )
    return
  lacking = [event for event in event_types if event not in _EVENTS.get(use, event_types)]
  if lacking:
    context.add_unavailable(
      selection,
      f"{' and '.join(lacking)}s on {display_name}: no package is known that offers them",
    )
    return
  bases = [symbol.pair.base for symbol in symbols]
  # Amounts, and transfers of SOL or ether, are of that and not of every token on the chain; solana
  # transfers are all.
  named = use == "onchain.evm" or any(symbol.chunk.how == EXACT for symbol in symbols)
  own = bool(where) or (named and "transfer" in event_types)
  tokens = _tokens(chain, bases, own=own)
  network_of: str | None = None
  if not catalogue.is_installed(use):
    elsewhere = chain == "bitcoin" and not event_types and not context.request.having(CHAIN)
    if elsewhere and catalogue.is_installed(chains.SOURCES["solana"]):
      _warn_of_solana(context, bases)
      chain, use, tokens = "solana", chains.SOURCES["solana"], []
      network_of = next(iter(bases), None)
    else:
      package = _PACKAGES.get(use, _DEFAULT_PACKAGE)
      context.spec.require_package(package, f"{label} of {display_name}")
  settings: dict[str, Any] = {"chain": chain} if use == "onchain.evm" else {}
  if use == chains.SOURCES["solana"] and filters.has("commitment"):
    settings["commitment"] = filters.use("commitment")
  if event_types:
    settings["event_types"] = list(event_types)
  if addresses:
    settings |= addresses
    direction = filters.use("direction")
    if direction is not None and use == "onchain.bitcoin":
      context.findings.warn("on Bitcoin both ways come, and meta.direction of each says which")
    elif direction is not None and "accounts" in addresses:
      settings["direction"] = direction
  if tokens and not addresses.keys() & {"mints", "addresses"}:
    settings["symbols"] = list(dict.fromkeys(tokens))
  elif others := [s.chunk for s in symbols if s.pair.base in tokens and s.chunk.value != "address"]:
    # The address says which token it is.
    written = context.request.text_of(others[0])
    context.findings.ask(f"{written!r}, or the token of the address?")
  if network_of is not None:
    # So that the activity of another chain counts in the windows of this asset.
    settings["symbol"] = network_of
  key = context.spec.add_source(f"{kind}-{chain}", use, settings, where)
  for chunk in (*selection.chains, *selection.venues):
    if chunk.value == chain or venues.CHAIN_OF_DEX.get(chunk.value) == chain:
      chunk.shape(key)
  _add_outputs(context, selection, key, bases, event_types, where)


def _add_outputs(
  context: BuildContext,
  selection: Selection,
  key: str,
  bases: list[str],
  event_types: list[str],
  where: str,
) -> None:
  """Each event, or its numbers at the interval; both for events that are worth reading."""
  requested = requested_interval(context.request, context.findings, selection)
  every = requested or (60.0 if selection.count else 0.0)
  if selection.kind == "gas" or event_types == ["metric"]:
    output: Output = SAMPLE if every else EACH
    context.add_branch(selection, key, output, every=every, where=where, symbols=bases)
    return
  if every:
    context.add_branch(selection, key, WINDOW, every=every, where=where, symbols=bases)
  readable = _RARE.issuperset(event_types) and bool(event_types)
  if not every or (readable and not selection.count):
    context.add_branch(selection, key, EACH, where=where, symbols=bases)


def _tokens(chain: str, bases: list[str], *, own: bool) -> list[str]:
  """The assets that a chain's source has to filter by; `own` says that the chain's own is among
  what it can."""
  if chain == "bitcoin":
    # A source cannot tell tokens on it apart.
    return []
  # Everything on a chain is about its native asset, which is no token.
  return [base for base in bases if own or chains.CHAIN_OF_ASSET.get(base) != chain]


def _warn_of_solana(context: BuildContext, bases: list[str]) -> None:
  """Warns of Solana's network activity for Bitcoin's, where only that is installed."""
  asset = bases[0] if bases else "BTC"
  context.findings.warn(
    f"on-chain activity of {asset} is that of the Bitcoin chain, for which nothing is installed; "
    "taken for the network activity of Solana"
  )
  context.findings.assume("chain", "solana", ASSUMED)


def _display_name(chain: str) -> str:
  return chain.upper() if chain == "bsc" else chain.capitalize()
