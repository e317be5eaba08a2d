"""The tables of words/ as phrases to look for in a request."""

from bond_english.text.phrases import PhraseTable
from bond_english.words import assets, chains, data, filler, venues

CURRENCY_NAMES = PhraseTable(
  [
    # TRY is the Turkish lira only by its other names.
    *((ticker.lower(), ticker) for ticker in assets.CURRENCIES if ticker != "TRY"),
    *((name, ticker) for ticker, names in assets.CURRENCIES.items() for name in names),
  ]
)
ASSET_NAMES = PhraseTable(
  [
    # 1INCH is two tokens: a number and what is attached to it.
    *(("1 inch" if t == "1INCH" else t.lower(), t) for t in assets.ASSETS if len(t) > 1),
    *((name, ticker) for ticker, names in assets.ASSETS.items() for name in names),
  ]
)
VENUE_NAMES = PhraseTable(
  [
    *((venue, venue) for venue in (*venues.VENUES, *venues.DEXES)),
    *((name, venue) for venue, names in venues.VENUES.items() for name in names),
    *((name, venue) for venue, names in venues.DEXES.items() for name in names),
  ]
)
CHAIN_NAMES = PhraseTable((name, chain) for chain, names in chains.CHAINS.items() for name in names)
KIND_NAMES = PhraseTable((phrase, kind) for kind, names in data.PHRASES.items() for phrase in names)
EVENT_NAMES = PhraseTable(
  (phrase, event) for event, names in data.EVENTS.items() for phrase in names
)
MARKET_TYPE_NAMES = PhraseTable(
  (phrase, market_type) for market_type, names in data.MARKET_TYPES.items() for phrase in names
)
METRIC_NAMES = PhraseTable(
  (phrase, (metric, kind)) for metric, (kind, names) in data.METRICS.items() for phrase in names
)
PROVIDER_NAMES = PhraseTable(
  (phrase, (provider, kind))
  for provider, (kind, names) in data.PROVIDERS.items()
  for phrase in names
)
VAGUE_NAMES = PhraseTable(data.VAGUE_PHRASES.items())
FILLER_PHRASES = PhraseTable((phrase, None) for phrase in (*filler.PHRASES, *filler.SAME))
NEGATIONS = PhraseTable((phrase, None) for phrase in filler.NEGATIONS)
