"""Assets by ticker and name, and the currencies that prices are quoted in."""

from bond_english.words import read_names, split_phrases, split_words

# ticker: names. Tickers of one letter are left out: only $S or S/USDT can mean them.

_ASSETS = """
BTC: bitcoin, bitcoins, xbt, ₿
ETH: ethereum, ether
SOL: solana
XRP: ripple
BNB: binance coin, bnb chain coin
DOGE: dogecoin
ADA: cardano
TRX: tron
AVAX: avalanche
SHIB: shiba inu, shiba
DOT: polkadot
LINK: chainlink
TON: toncoin
LTC: litecoin
BCH: bitcoin cash, bcash
BSV: bitcoin sv
ETC: ethereum classic
XLM: stellar, stellar lumens, lumens
XMR: monero
ZEC: zcash
DASH:
ATOM: cosmos
NEAR: near protocol
APT: aptos
SUI:
SEI:
TIA: celestia
INJ: injective
ARB: arbitrum
OP: optimism
POL: polygon
MATIC:
FTM: fantom
HBAR: hedera
ICP: internet computer
FIL: filecoin
VET: vechain
ALGO: algorand
XTZ: tezos
EOS:
EGLD: multiversx, elrond
KAS: kaspa
STX: stacks
RUNE: thorchain
GRT: the graph
AAVE:
UNI: uniswap token
MKR: maker
LDO: lido, lido dao
CRV: curve token
SNX: synthetix
COMP:
SUSHI:
CAKE: pancakeswap token
PENDLE:
ENA: ethena
ONDO: ondo finance
JUP: jupiter token
RAY: raydium token
ORCA:
JTO: jito
PYTH: pyth network
WIF: dogwifhat
BONK:
PEPE:
FLOKI:
MEME: memecoin
BOME:
POPCAT:
PENGU: pudgy penguins
FARTCOIN:
TRUMP: trump coin, official trump
MELANIA:
PUMP:
HYPE: hyperliquid token
WLD: worldcoin
FET: fetch ai
TAO: bittensor
RENDER: rndr, render token
AR: arweave
AXS: axie infinity, axie
SAND: sandbox, the sandbox
MANA: decentraland
GALA:
IMX: immutable x, immutablex
APE: apecoin
BLUR:
DYDX:
GMX:
ENS: ethereum name service
BAT: basic attention token
ZRX:
LRC: loopring
KSM: kusama
KAVA:
ROSE: oasis network
FLOW:
MINA: mina protocol
QNT: quant network
NEO:
IOTA: miota
WAVES:
ZIL: zilliqa
ONE: harmony
CELO:
CHZ: chiliz
ENJ: enjin
HOT: holo
GAS: neo gas
MASK: mask network
MAGIC:
OCEAN: ocean protocol
CORE: core dao
MOVE: movement
LUNA: terra luna, terra
LUNC: terra classic, luna classic
USTC: terrausd
CRO: cronos
OKB:
BGB:
KCS:
LEO: leo token
FTT: ftx token
MNT: mantle
STRK: starknet
ZK: zksync
ZRO: layerzero
EIGEN: eigenlayer
ETHFI: ether fi
W: wormhole
JASMY: jasmycoin
THETA:
GNO: gnosis token
SUPER:
ACT:
BEAM:
ORDI:
SATS:
RVN: ravencoin
DGB: digibyte
SC: siacoin
XEC: ecash
NEXO:
TWT: trust wallet token
YFI: yearn, yearn finance
BAL: balancer token
1INCH: 1inch network
KNC: kyber
BAND: band protocol
API3:
UMA:
SKL: skale
ANKR:
STORJ:
GLM: golem
CFX: conflux
ASTR: astar
GLMR: moonbeam
MOVR: moonriver
METIS:
BLAST:
MODE:
AEVO:
ALT: altlayer
DYM: dymension
MANTA:
PIXEL:
PORTAL:
VIRTUAL: virtuals protocol
AIXBT:
AI16Z:
GRASS:
IO: io net
PEOPLE: constitutiondao
HNT: helium
MOBILE:
SPX: spx6900
MOG: mog coin
TURBO:
BRETT:
NEIRO:
BABYDOGE: baby doge
XAUT: tether gold
PAXG: pax gold
WBTC: wrapped bitcoin
WETH: wrapped ether, wrapped ethereum
STETH: staked ether, lido staked ether
WSTETH:
CBBTC:
USDT: tether
USDC: usd coin
DAI:
FDUSD: first digital usd
TUSD: trueusd
BUSD: binance usd
USDE: ethena usd
USD1:
PYUSD: paypal usd
RLUSD: ripple usd
USDS:
"""

_CURRENCIES = """
USD: us dollar, us dollars, dollar, dollars, bucks
EUR: euro, euros
GBP: pound sterling, british pounds, pounds, sterling
JPY: yen, japanese yen
KRW: won, korean won
TRY: turkish lira, lira
BRL: brazilian real, reais
AUD: australian dollar, australian dollars, aussie dollars
CAD: canadian dollar, canadian dollars
CHF: swiss franc, swiss francs, francs
MXN: mexican peso, mexican pesos
PLN: zloty
INR: rupee, rupees, indian rupees
IDR: rupiah
THB: baht
UAH: hryvnia
ZAR: rand
ARS: argentine pesos
"""


ASSETS = read_names(_ASSETS)
CURRENCIES = read_names(_CURRENCIES)

STABLE = frozenset(
  ("USDT", "USDC", "DAI", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "PYUSD", "RLUSD", "USDS", "USD")
)
"""Currencies worth a dollar: an amount in one of them is an amount in dollars."""

MONEY = STABLE | frozenset(CURRENCIES)
"""Money, rather than assets whose price moves."""

QUOTE_RANKING = (*sorted(MONEY), "BTC", "ETH", "BNB", "SOL", "XRP")
"""Quote currencies, the preferred first: of two assets the preferred one is the quote."""

ENGLISH_TICKERS = frozenset(
  split_words(
    """
    ACT ALT APE APT AR ATOM BAL BAND BAT BEAM BLAST BLUR CAKE COMP CORE DASH DOT FLOW GALA GAS
    GRASS HOT HYPE IO LEO LINK MAGIC MANA MANTA MASK MEME MOBILE MODE MOVE NEAR OCEAN ONE OP
    PEOPLE PIXEL PORTAL PUMP RAY RENDER ROSE RUNE SAND SATS SC SUPER SUSHI TON TRUMP TRY TURBO
    VIRTUAL WAVES
    """
  )
)
"""Tickers that are also English words (or half of them): in small letters they are assets only
where a symbol is expected."""

ENGLISH_NAMES = frozenset(
  split_words(
    """
    avalanche stacks maker optimism sandbox harmony stellar cosmos mantle helium terra yearn
    lumens wormhole holo shiba movement
    """
  )
)
"""Names of assets that are also English words: the same, but a capital letter is enough."""

RENAMED = {
  "LUNA": "LUNA is Terra 2; Terra Classic is LUNC",
  "MATIC": "MATIC has become POL on most venues",
  "FTM": "FTM has become S (Sonic) on most venues",
  "EOS": "EOS has become A (Vaulta) on most venues",
  "MKR": "MKR has become SKY on most venues",
}
"""Tickers that could mean another asset, and the warning about it."""

MINTS = {
  "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": "USDC",
  "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": "USDT",
  "So11111111111111111111111111111111111111112": "SOL",
  "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263": "BONK",
  "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN": "JUP",
}
"""Well-known Solana tokens by mint address."""

CONTRACTS = {
  "0xdac17f958d2ee523a2206206994597c13d831ec7": "USDT",
  "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48": "USDC",
  "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599": "WBTC",
  "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2": "WETH",
}
"""Well-known Ethereum tokens by contract address."""

EQUITIES = frozenset(
  split_words(
    """
    AAPL TSLA MSFT NVDA GOOG GOOGL AMZN META NFLX AMD INTC COIN MSTR HOOD GME AMC PLTR BABA NIO
    JPM BAC WMT DIS KO PEP SPY QQQ DIA IWM VOO VTI IBIT GBTC ORCL CRM ADBE UBER SHOP PYPL SQ ARM
    AVGO TSM ASML MARA RIOT CLSK BRK SPX500 NDX DJIA XAUUSD XAGUSD WTI IBM CSCO QCOM BA GE F GM
    XOM CVX PFE JNJ UNH PG TGT COST HD MCD NKE SBUX SNAP PINS RBLX ROKU ZM ABNB LYFT RIVN LCID
    SMCI MU TXN
    """
  )
)
EQUITY_NAMES = split_phrases(
  """
  apple stock; apple shares; tesla; tesla stock; tesla shares; nvidia; nvidia stock; microsoft;
  microsoft stock; amazon stock; google stock; alphabet; netflix stock; microstrategy; gamestop;
  s&p 500; s & p 500; sp500; sp 500; nasdaq; dow jones; stock market; stocks; stock; equities;
  equity; shares; crude oil; brent; forex; nikkei; ftse; treasury yields; bonds; silver; gold
  """
)
