"""Kinds of data, and the words for them."""

from typing import NamedTuple

from bond_english.words import split_phrases, split_words


class Kind(NamedTuple):
  """A kind of data: its `label` in sentences, whether it comes from a market, and the default
  interval in seconds (0: every event as it comes)."""

  label: str
  market: bool
  default_interval: float


EVERY_EVENT = 0
DEFAULT_SECONDS = 5

KINDS = {
  "price": Kind("price", True, DEFAULT_SECONDS),
  "trades": Kind("trades", True, EVERY_EVENT),
  "orderbook": Kind("order book", True, EVERY_EVENT),
  "bbo": Kind("best bid and ask", True, EVERY_EVENT),
  "ohlc": Kind("candles", True, EVERY_EVENT),
  "volume": Kind("volume", True, DEFAULT_SECONDS),
  "vwap": Kind("VWAP", True, DEFAULT_SECONDS),
  "cvd": Kind("volume delta", True, EVERY_EVENT),
  "funding": Kind("funding rate", True, EVERY_EVENT),
  "open_interest": Kind("open interest", True, EVERY_EVENT),
  "liquidations": Kind("liquidations", True, EVERY_EVENT),
  "mark_price": Kind("mark price", True, EVERY_EVENT),
  "index_price": Kind("index price", True, EVERY_EVENT),
  "implied_vol": Kind("implied volatility", True, EVERY_EVENT),
  "tweets": Kind("tweets", False, EVERY_EVENT),
  "bluesky": Kind("Bluesky posts", False, EVERY_EVENT),
  "news": Kind("news", False, EVERY_EVENT),
  "onchain": Kind("on-chain activity", False, EVERY_EVENT),
  "gas": Kind("gas price", False, EVERY_EVENT),
  "google_trends": Kind("Google Trends", False, EVERY_EVENT),
  "polymarket": Kind("Polymarket odds", False, EVERY_EVENT),
}

DERIVATIVES = frozenset(
  ("funding", "open_interest", "liquidations", "mark_price", "index_price", "implied_vol")
)
"""Kinds that only perpetuals, futures and options have."""

TEXTS = frozenset(("tweets", "bluesky", "news", "google_trends", "polymarket"))
"""Kinds made of what people say or search for, so that words can be searched in them."""

NEED_NO_SUBJECT = frozenset(("news", "gas"))

WINDOWED = frozenset(("volume", "vwap", "cvd"))
"""Kinds that are computed over a window: VWAP of 5 minutes."""

SAMPLED = frozenset(
  ("orderbook", "bbo", "funding", "open_interest", "mark_price", "index_price", "ohlc", "gas")
)
"""Kinds of which an interval sends the latest state; of all others a window of events."""

SIZED = frozenset(("trades", "liquidations", "onchain"))
"""Kinds whose events have a size that a request can bound."""

_PHRASES = {
  "price": """price; prices; ticker 24 hr; ticker 24 h; 24 hr ticker; 24 h ticker; last price;
    pricing; ticker; tickers; value;
    valuation; rate; rates; cost; worth; exchange rate; last traded price;
    current price; quote price; px; last px; spot px; quotation; quotations; quotation price;
    average price; average prices; mean price; avg price; going rate;
    how much is; how much are; how much does; how much""",
  "trades": """trades; trade; trade feed; trade data; fills; executions; prints; deals; tape; time
    and sales; trade stream; matches; market trades; trade tape; tick data; aggtrade; agg trades;
    aggtrades; aggregated trades; aggregate trades; tick trades; market orders; public trades;
    publictrade; public trade; trades all; last trade; last trades; latest trades; clips; clip;
    operations;
    ticks; tick; trade prints; trade ticks""",
  "orderbook": """order book; order books; orderbook; orderbooks; book; books; depth; market depth;
    depth chart data; l2; level 2; level2;
    lvl2; lvl 2; l2 book; l3; level 3; l2 data; bids and asks; lob;
    limit order book; ladder""",
  "bbo": """bbo; best bid and offer; best bid and ask; best bid ask; best bid offer; top of book;
    top of the book; tob; bid ask; bid and ask; bid offer; bid and offer; bids asks; l1; level 1;
    level1;
    quotes; best bid; best ask; best offer; best quotes; nbbo; bidask; touch;
    bookticker; bbo tbt; book ticker; best prices; inside market;
    best buy and best sell price; best buy and sell price; best buy and best sell prices; best buy
    price; best sell price; bid; bids; ask; asks; bid price; ask price; bid prices; ask prices;
    offers""",
  "ohlc": """candles; candle; candlesticks; candlestick; ohlc; ohlcv; bars; bar; klines; kline;
    candle data; ohlc bars; ohlc candles; ohlcv bars; ohlcv candles; open high low close; chart
    data; price bars; price candles""",
  "volume": "volume; volumes; vol; turnover; traded volume; trading volume; trade volume",
  "vwap": """vwap; vwaps; volume weighted average price; volume weighted price;
    volume weighted average""",
  "cvd": "cvd; cumulative volume delta; volume delta; cumulative delta",
  "funding": """funding; fr; funding rate; funding rates; funding fee; funding fees; fundings;
    funding payments""",
  "open_interest": "open interest; open interests; oi",
  "liquidations": """liquidations; liquidation; liqs; liq; liquidated; liquidation feed;
    liquidation events; liquidation data; forced liquidations; forced orders; rekt; forceorder;
    force order;
    force orders; liquidation orders; allliquidation; all liquidation; liquidation prints; liqs
    feed""",
  "mark_price": "mark price; mark prices; mark; marks; markprice; mark px",
  "index_price": "index price; index prices; index; underlying index",
  "implied_vol": """implied vol; implied volatility; implied vols; iv; dvol; volatility index;
    option vol; options vol""",
  "tweets": """tweets; tweet; twitter; twitter feed; twitter posts; tweeted; tweeting; tweet feed;
    x posts; x feed; posts on x; posts from x; twitter mentions; tweet count; tweet counts;
    twitter x; x twitter; posts on twitter; x com""",
  "bluesky": """bluesky; blue sky; bsky; bluesky posts; bluesky feed; posts on bluesky; skeets;
    bluesky mentions; bluesky post""",
  "news": """news; headlines; headline; news feed; news headlines; articles; news articles; rss;
    news stories""",
  "onchain": """on chain activity; on chain; onchain; onchain activity; on chain data; onchain data;
    on chain events; onchain events; blockchain activity; blockchain data; chain activity;
    on chain feed; chain data; network activity; on chain stats; on chain metrics""",
  "gas": """gas; gas price; gas prices; gas fee; gas fees; gwei; gas cost; gas costs; gas tracker;
    priority fee; priority fees; network fees; transaction fees""",
  "google_trends": """google trends; google trend; search interest; search trends; google searches;
    google search interest""",
  "polymarket": """polymarket; polymarket odds; prediction market; prediction markets;
    polymarket bets;
    prediction market odds; polymarket markets; polymarket prices""",
}

_EVENTS = {
  "transfer": """transfers; transfer; token transfers; transfer events; on chain transfers;
    onchain transfers; wallet transfers""",
  "swap": "swaps; dex swaps; swap events; dex trades; token swaps; on chain swaps; amm swaps",
  "block": "blocks; block; new blocks; block headers; block data",
  "tx": """transactions; transaction; txs; txns; tx; txn; on chain transactions;
    onchain transactions;
    blockchain transactions""",
  "mint": "mints; minting; token mints",
  "burn": "burns; token burns",
  "account": """account updates; account changes; wallet updates; balance changes; balance updates;
    account balance changes; balance change; changes of balance""",
  "slot": "slots; slot updates",
  "mempool": "mempool; mempool transactions; pending transactions",
}
"""On-chain events, and the phrases for them."""

MOVEMENTS = frozenset(split_words("moves moved moving movement movements flow flows"))
"""Words for transfers where what moves is on a chain: 500 BTC moving, any movement of a wallet."""

CHAIN_WIDE_EVENTS = frozenset(("block", "slot", "mempool"))
"""Events of a whole chain and not of an asset: eth blocks are blocks of Ethereum."""

METRICS = {
  "consolidated": (
    "orderbook",
    split_phrases(
      """
      consolidated order book; consolidated order books; consolidated orderbook; consolidated book;
      consolidated books; consolidated depth; aggregated order book; aggregated orderbook;
      aggregated book; combined order book; combined orderbook; combined book; merged order book;
      merged orderbook; merged book; unified order book; unified book; one book; a single book; one
      consolidated book; one consolidated order book; one combined book; one merged book; one
      aggregated book; single consolidated book;
      cross exchange order book; cross venue book; consolidated
      """
    ),
  ),
  "imbalance": ("orderbook", ("imbalance", "book imbalance", "order imbalance")),
  "spread": (
    "bbo",
    (
      *("spread", "spreads", "bid ask spread", "spread between bid and ask"),
      *("spread between the bid and the ask", "spread between best bid and best ask"),
      *("spread between bid n ask", "spread between bid & ask", "spread between bid / ask"),
    ),
  ),
  "mid": ("bbo", ("mid price", "mid prices", "midprice", "mid", "mids")),
  "sentiment": ("tweets", ("sentiment", "sentiments", "mood")),
  "tps": ("onchain", ("tps", "transactions per second", "throughput", "transaction rate")),
  "mempool": (
    "onchain",
    ("mempool size", "mempool depth", "mempool backlog", "mempool congestion", "mempool stats"),
  ),
  "fee": ("gas", ("base fee", "base fees", "fee", "fees")),
}
"""Figures computed from a kind of data: metric → (that kind, phrases)."""

_MARKET_TYPES = {
  "perp": """perp; perps; perpetual; perpetuals; perpetual swap; perpetual swaps; perpetual
    futures; perpetual contract; perpetual contracts; linear; linear perps; linear perp; futures
    perps; futures; future; usdt margined; swap market; derivatives; linear perpetuals; usd m; usd
    m futures; usds m; usds m futures; usdt m; usdt m futures; usdm; usdsm; usdtm; um; usdt
    futures; usdt perps; usdt
    perp; usdⓢ m; usdⓢ m futures; um futures; fapi; fstream; swap; swaps; linear futures; swaps
    market; perps
    market; perp
    market; futures market; perpetual market; linear tether; tether linear; tether margined""",
  "inverse": """inverse; inverse perps; inverse perp; coin margined; coin m; coinm; coin m
  perpetual; inverse perpetuals;
    coin m futures; coin margined futures; coin margined perps; coin m perps; cm futures; dapi;
    dstream; inverse
    futures; inverse swaps""",
  "spot": "spot; spot market; spot markets; spot only",
  "future": """quarterly; quarterlies; dated; dated future; dated futures; quarterly future;
    quarterly
  futures; delivery; delivery future; delivery futures; dated contract; dated contracts""",
  "option": "option; options; options market; calls; puts",
}
"""Types of markets, and the phrases for them."""

LEFT_OUT_POSTS = {
  **dict.fromkeys(("retweets", "retweet", "reposts", "rts"), "is:retweet"),
  **dict.fromkeys(("replies", "reply"), "is:reply"),
  **dict.fromkeys(("quotes", "quote"), "is:quote"),
  **dict.fromkeys(("links", "link", "urls"), "has:links"),
}
"""Posts that X's search can leave out, and its operators for them (docs.x.com, "Build a rule")."""

VAGUE_PHRASES = {
  "market data": ("price", "volume"),
  "market info": ("price", "volume"),
  "market feed": ("price", "volume"),
  "market activity": ("price", "volume"),
  "trading data": ("price", "volume"),
  "price action": ("price",),
  "social media": ("tweets",),
  "social posts": ("tweets",),
  "social data": ("tweets",),
  "social feed": ("tweets",),
  "socials": ("tweets",),
  "social activity": ("tweets",),
  "social": ("tweets",),
  "social sentiment": ("tweets",),
  "buzz": ("tweets",),
  "chatter": ("tweets",),
}
"""Phrases that say too little, and the kinds that they are taken for."""

PROVIDERS = {
  "cryptopanic": ("news", ("cryptopanic", "crypto panic")),
  "coindesk": ("news", ("coindesk", "coin desk")),
  "cointelegraph": ("news", ("cointelegraph",)),
  "theblock": ("news", ("the block news",)),
  "reuters": ("news", ("reuters",)),
  "bloomberg": ("news", ("bloomberg",)),
}
"""Who provides the data, where a request says so: name → (the kind, phrases)."""


PHRASES = {kind: split_phrases(text) for kind, text in _PHRASES.items()}
EVENTS = {event: split_phrases(text) for event, text in _EVENTS.items()}
_MONTHS = split_words(
  """
  january february march april may june july august september october november december jan feb mar
  apr jun jul aug sep sept oct nov dec
  """
)
MARKET_TYPES = {market_type: split_phrases(text) for market_type, text in _MARKET_TYPES.items()}
MARKET_TYPES["future"] += tuple(
  f"{month} {noun}" for month in _MONTHS for noun in ("quarterly", "future", "futures", "contract")
)
