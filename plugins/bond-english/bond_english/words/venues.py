"""Exchanges by their ids in ccxt, with other names; decentralised ones with their chain."""

# id: other names. An id is a name of itself.
from bond_english.words import listed

_TABLE = """
binance:
okx: okex
bybit:
kraken:
coinbase: coinbase pro, coinbase advanced, coinbase exchange
kucoin:
gate: gate io, gateio
htx: huobi
bitget:
mexc:
bitfinex:
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
hyperliquid:
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

_CHAINED = """
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


def _read(table: str) -> dict[str, tuple[str, ...]]:
  rows = (line.partition(":") for line in table.strip().splitlines())
  return {
    venue: tuple(name.strip() for name in names.split(",") if name.strip())
    for venue, _, names in rows
  }


VENUES = _read(_TABLE)
_DECENTRALISED = _read(_CHAINED)
DEXES = {key.split()[0]: names for key, names in _DECENTRALISED.items()}
CHAIN_OF_DEX = {key.split()[0]: key.split()[1] for key in _DECENTRALISED}

ORDINARY = frozenset(
  listed(
    """
    apex derive gate backpack cex delta lighter bullish vertex alpaca curve phoenix mercado
    """
  )
)
"""Venues whose names are words for other things, too: they need "on" or a capital letter."""

NATIVE = {
  "binance": ("trades", "orderbook", "ticker", "funding", "liquidation", "candle"),
  **dict.fromkeys(
    ("okx", "bybit"),
    ("trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"),
  ),
}
"""Venues with a package of their own, and its sources."""

MAIN = ("binance", "okx", "bybit")
"""The venues that are taken where none is said; the first that can answer."""

BY_CCXT = {
  "trades": "ccxt.trades",
  "orderbook": "ccxt.orderbook",
  "ticker": "ccxt.ticker",
  "candle": "ccxt.ohlcv",
  "funding": "ccxt.funding",
}
"""What bond-ccxt offers for every other venue."""

QUOTE_OF = {
  **dict.fromkeys(
    ("coinbase", "kraken", "gemini", "bitstamp", "binanceus", "krakenfutures"), "USD"
  ),
  **dict.fromkeys(("upbit", "bithumb", "coinone", "korbit"), "KRW"),
  **dict.fromkeys(("bitflyer", "bitbank", "coincheck", "zaif"), "JPY"),
  **dict.fromkeys(("bitvavo", "onetrading"), "EUR"),
  "hyperliquid": "USDC",
  "dydx": "USD",
}
"""The quote currency of a venue's main markets, where that is not USDT."""

HAVE_USD = ("kraken", "coinbase", "bitstamp")
"""Venues to look at for a price in dollars, euros or pounds when none is said."""
