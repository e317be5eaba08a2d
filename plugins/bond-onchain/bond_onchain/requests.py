"""A configuration as the request that a Geyser node takes.

Source: geyser.proto and README of yellowstone-grpc: filters have names; an empty field matches
everything, fields must all match, and of a field's values one. Providers take ten accounts a
filter, so longer lists are several filters.
"""

from bond_geyser import geyser_pb2 as pb

from bond_onchain.config import Solana

INCLUDED = 10
LEVELS = {"processed": pb.PROCESSED, "confirmed": pb.CONFIRMED, "finalized": pb.FINALIZED}


def request_of(config: Solana, from_slot: int | None = None) -> pb.SubscribeRequest:
  """Returns the request. It always has the meta of blocks: their parents show what is missing."""
  request = pb.SubscribeRequest(commitment=LEVELS[config.commitment], from_slot=from_slot)
  request.blocks_meta["blocks"].SetInParent()
  if config.commitment == "processed":
    # Dead slots come only to those who subscribe to every state of all slots.
    request.slots["slots"].interslot_updates = True
  if not config.kinds.isdisjoint(("tx", "transfer")):
    included = included_by(config)
    for number in range(0, max(len(included), 1), INCLUDED):
      chosen = request.transactions[f"transactions-{number // INCLUDED + 1}"]
      chosen.account_include.extend(included[number : number + INCLUDED])
      if config.accounts:
        # Who is sent a token is named by its account for that token only.
        chosen.token_accounts = pb.BALANCE_CHANGED
      if not config.votes:
        chosen.vote = False
      if not config.failed:
        chosen.failed = False
  if "account" in config.kinds:
    if config.accounts:
      request.accounts["accounts"].account.extend(config.accounts)
    if config.addresses:
      request.accounts["programs"].owner.extend(config.addresses)
  return request


def included_by(config: Solana) -> list[str]:
  """Returns the accounts of which a transaction has to name one; none for all transactions."""
  if config.accounts or config.addresses:
    return list(dict.fromkeys((*config.accounts, *config.addresses)))
  mints = config.mint_filter()
  if mints is None or "" in mints or config.complete or "tx" in config.kinds:
    return []
  return sorted(mints)
