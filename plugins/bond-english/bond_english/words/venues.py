"""Exchanges by their ids in ccxt, with other names; decentralised ones with their chain."""

from bond_english.words import read_names, split_words

# id: other names. An id is also a name.

_EXCHANGES = """
binance:
okx: okex
bybit:
kraken:
coinbase: cb, coinbase pro, coinbase advanced, coinbase advanced trade, coinbase exchange
kucoin:
gate: gate io, gateio
htx: huobi
bitget:
mexc:
bitfinex: bfx
bitstamp:
gemini:
deribit:
bitmex:
cryptocom: crypto com
binanceus: binance us
binanceusdm: binance usdm
krakenfutures:
kucoinfutures:
okxus: okx us
hyperliquid: hl
dydx:
paradex:
apex: apex omni
derive: lyra
woo: woo x, woox
woofipro:
backpack:
phemex:
poloniex:
bitmart:
bitrue:
bingx:
lbank:
whitebit:
coinex:
probit:
ascendex:
hitbtc:
exmo:
luno:
upbit:
bithumb:
coinone:
korbit:
bitflyer:
bitbank:
coincheck:
zaif:
btcturk:
paribu:
mercado: mercado bitcoin
bitso:
bitvavo:
blofin:
xt:
toobit:
hashkey:
bitopro:
zonda:
cex: cex io
coinmate:
digifinex:
latoken:
p2b:
tokocrypto:
wavesexchange:
yobit:
ndax:
novadax:
foxbit:
indodax:
btcmarkets: btc markets
bit2c:
bigone:
blockchaincom: blockchain com
coinmetro:
coinsph:
coincatch:
deepcoin:
fmfwio:
hollaex:
independentreserve: independent reserve
onetrading: one trading, bitpanda pro
oceanex:
timex:
zebpay:
delta: delta exchange
arkham:
aster:
lighter:
bullish:
vertex:
oxfun:
modetrade:
defx:
cryptomus:
alpaca:
"""

_DEXES = """
raydium solana
orca solana: orca whirlpools
jupiter solana
meteora solana
phoenix solana: phoenix dex
pumpfun solana: pump fun
pumpswap solana
uniswap ethereum: uniswap v2, uniswap v3, uniswap v4
sushiswap ethereum
curve ethereum: curve finance
balancer ethereum
pancakeswap bsc: pancake swap
aerodrome base
traderjoe avalanche: trader joe
camelot arbitrum
"""


VENUES = read_names(_EXCHANGES)
_WITH_CHAINS = read_names(_DEXES)
DEXES = {key.split()[0]: names for key, names in _WITH_CHAINS.items()}
CHAIN_OF_DEX = {key.split()[0]: key.split()[1] for key in _WITH_CHAINS}

ENGLISH_NAMES = frozenset(
  split_words(
    """
    apex derive gate backpack cex delta lighter bullish vertex alpaca curve phoenix mercado
    """
  )
)
"""Venues whose names are also English words: they need "on" or a capital letter."""

DEFAULT_VENUES = ("binance", "okx", "bybit")
"""The default venues where a request names none; the first that has the data counts."""

DIALECTS = {
  "l2Book": "hyperliquid",
  "activeAssetCtx": "hyperliquid",
  "instId": "okx",
  "publicTrade": "bybit",
  "allLiquidation": "bybit",
  "product_id": "coinbase",
}
"""Words that only one venue's interface has, so that a message with them is one of that venue."""

CCXT_SOURCES = {
  "trades": "ccxt.trades",
  "orderbook": "ccxt.orderbook",
  "ticker": "ccxt.ticker",
  "candle": "ccxt.ohlcv",
  "funding": "ccxt.funding",
}
"""The sources of bond-ccxt, for every other venue, by channel."""

QUOTE_OF_VENUE = {
  **dict.fromkeys(("kraken", "gemini", "bitstamp", "binanceus", "krakenfutures"), "USD"),
  **dict.fromkeys(("upbit", "bithumb", "coinone", "korbit"), "KRW"),
  **dict.fromkeys(("bitflyer", "bitbank", "coincheck", "zaif"), "JPY"),
  **dict.fromkeys(("bitvavo", "onetrading"), "EUR"),
  "dydx": "USD",
}
"""The quote currency of a venue's main markets, where it is not USDT and no plugin of its own says
so by its words."""

MARKET_OF_VENUE = {
  **dict.fromkeys(
    (
      *("dydx", "paradex", "binanceusdm", "krakenfutures", "kucoinfutures"),
      *("apex", "lighter", "aster", "defx", "vertex"),
    ),
    "perp",
  ),
  **dict.fromkeys(("deribit", "bitmex", "binancecoinm"), "inverse"),
}
"""The market that is meant on a venue where a request names none, and that is not spot."""

USD_VENUES = ("kraken", "coinbase", "bitstamp")
"""The default venues for a price in dollars or pounds."""
