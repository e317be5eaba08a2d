"""Chains by name."""

import re

from bond_english.words import split_words

CHAINS = {
  "solana": ("solana", "sol", "spl"),
  "ethereum": ("ethereum", "eth", "ethereum mainnet", "mainnet", "erc 20", "erc20"),
  "bitcoin": ("bitcoin", "btc", "sat vb", "sats vb", "sat vbyte", "sats vbyte", "sat per vbyte"),
  "base": ("base",),
  "arbitrum": ("arbitrum", "arbitrum one"),
  "optimism": ("optimism",),
  "polygon": ("polygon",),
  "bsc": ("bsc", "bep 20", "bep20", "bnb chain", "binance smart chain", "bnb smart chain"),
  "avalanche": ("avalanche", "avax"),
  "tron": ("tron", "trx", "trc 20", "trc20"),
  "ton": ("ton",),
  "sui": ("sui",),
  "aptos": ("aptos",),
  "near": ("near",),
  "litecoin": ("litecoin", "ltc"),
  "dogecoin": ("dogecoin", "doge"),
}

CHAIN_OF_ASSET = {
  "SOL": "solana",
  "ETH": "ethereum",
  "BTC": "bitcoin",
  "ARB": "arbitrum",
  "OP": "optimism",
  "POL": "polygon",
  "MATIC": "polygon",
  "BNB": "bsc",
  "AVAX": "avalanche",
  "TRX": "tron",
  "TON": "ton",
  "SUI": "sui",
  "APT": "aptos",
  "NEAR": "near",
  "LTC": "litecoin",
  "DOGE": "dogecoin",
  **dict(
    entry.split(":")
    for entry in split_words(
      """
      ADA:cardano ALGO:algorand ATOM:cosmos BCH:bitcoin-cash DASH:dash DCR:decred DOT:polkadot
      EGLD:multiversx ETC:ethereum-classic FIL:filecoin FLOW:flow HBAR:hedera ICP:internet-computer
      IOTA:iota KAS:kaspa KSM:kusama VET:vechain XEC:ecash XLM:stellar XMR:monero XRP:ripple
      XTZ:tezos ZEC:zcash ZIL:zilliqa
      """
    )
  ),
}
"""The chain whose native asset this is."""

_BITCOIN_ADDRESS = re.compile(r"bc1[a-z0-9]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{25,33}")


def chain_of_address(address: str) -> str:
  """The chain whose addresses are written like this; of 0x… the first one, Ethereum."""
  if address.startswith("0x"):
    return "ethereum"
  return "bitcoin" if _BITCOIN_ADDRESS.fullmatch(address) else "solana"


EVM = frozenset(("ethereum", "base", "arbitrum", "optimism", "polygon", "bsc", "avalanche"))

SOURCES = {"solana": "onchain.solana", "bitcoin": "onchain.bitcoin"} | dict.fromkeys(
  EVM, "onchain.evm"
)
"""The source for each chain, where a package has one."""

CHAIN_OF_TOKEN = {
  **dict.fromkeys(
    split_words(
      """
      BONK WIF JUP RAY ORCA JTO PYTH BOME POPCAT FARTCOIN TRUMP MELANIA PENGU GRASS HNT MOBILE
      """
    ),
    "solana",
  ),
  **dict.fromkeys(
    split_words(
      """
      LINK UNI AAVE SHIB PEPE FLOKI MKR LDO CRV SNX COMP SUSHI PENDLE ENA ONDO GRT APE BLUR ENS
      WBTC WETH STETH WSTETH DAI PYUSD PAXG XAUT MANA SAND AXS CHZ ENJ LRC ZRX BAT WLD IMX
      """
    ),
    "ethereum",
  ),
}
"""The home chain of tokens that have one."""
