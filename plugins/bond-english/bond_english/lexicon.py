"""The tables of words/ as phrases to look for."""

from bond_english.phrases import Phrases
from bond_english.words import assets, chains, data, filler, venues

CURRENCY_NAMES = Phrases(
  [
    *((ticker.lower(), ticker) for ticker in assets.CURRENCIES if ticker != "TRY"),
    *((name, ticker) for ticker, names in assets.CURRENCIES.items() for name in names),
  ]
)
ASSET_NAMES = Phrases(
  [
    # 1INCH is two tokens: a number and what is glued to it.
    *(("1 inch" if t == "1INCH" else t.lower(), t) for t in assets.ASSETS if len(t) > 1),
    *((name, ticker) for ticker, names in assets.ASSETS.items() for name in names),
  ]
)
VENUE_NAMES = Phrases(
  [
    *((venue, venue) for venue in (*venues.VENUES, *venues.DEXES)),
    *((name, venue) for venue, names in venues.VENUES.items() for name in names),
    *((name, venue) for venue, names in venues.DEXES.items() for name in names),
  ]
)
CHAIN_NAMES = Phrases((name, chain) for chain, names in chains.CHAINS.items() for name in names)
KIND_NAMES = Phrases(
  (phrase, kind) for kind, phrases in data.WORDS_OF.items() for phrase in phrases
)
EVENT_NAMES = Phrases(
  (phrase, event) for event, text in data.EVENTS.items() for phrase in data.spoken(text)
)
MARKET_NAMES = Phrases(
  (phrase, market) for market, text in data.MARKETS.items() for phrase in data.spoken(text)
)
METRIC_NAMES = Phrases(
  (phrase, (metric, kind)) for metric, (kind, phrases) in data.METRICS.items() for phrase in phrases
)
PROVIDER_NAMES = Phrases(
  (phrase, (provider, kind))
  for provider, (kind, phrases) in data.PROVIDERS.items()
  for phrase in phrases
)
VAGUE_NAMES = Phrases(data.VAGUE.items())
FILLER_PHRASES = Phrases((phrase, None) for phrase in filler.PHRASES)
NEGATIONS = Phrases((phrase, None) for phrase in filler.NEGATIONS)
