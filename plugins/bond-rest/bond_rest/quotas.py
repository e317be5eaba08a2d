"""What the streams of one caller may take of the machine together."""

from collections.abc import Sequence
from typing import Any

from bond_core import Spec
from bond_rest.config import RestConfig
from bond_rest.problems import ApiError


def check_quotas(spec: Spec, beside: Sequence[Spec], config: RestConfig) -> None:
  """Raises ApiError 429 where a spec is too much for a caller who has others `beside` it."""
  held = spec.held + sum(one.held for one in beside)
  if config.max_held and held > config.max_held and spec.held:
    raise _too_much(
      f"the transforms of your streams may hold {held} events and keys together, and "
      f"{config.max_held} is the most; write smaller numbers (keep, max_events), name the symbols "
      "of windows",
      "--max-held",
    )
  for account, found in _at_accounts([spec]).items():
    sources = _at_accounts([*beside, spec])[account]
    if config.max_node_sources and len(sources) > config.max_node_sources:
      raise _too_much(
        f"{len(found)} sources of this spec are at this server's own node ({account}), where you "
        f"would have {len(sources)}, and {config.max_node_sources} is the most; put what they read "
        "into fewer sources, name a node of your own where a source takes one",
        "--max-node-sources",
      )


def _at_accounts(specs: Sequence[Spec]) -> dict[str, list[Any]]:
  """The different sources at each of the machine's own nodes and accounts."""
  found: dict[str, list[Any]] = {}
  for spec in specs:
    for node in spec.sources.values():
      account = None if node.type.account is None else node.type.account(node.config)
      if account is None:
        continue
      sources = found.setdefault(account, [])
      # Equal ones are one source.
      if (node.use, node.config) not in sources:
        sources.append((node.use, node.config))
  return found


def _too_much(what: str, option: str) -> ApiError:
  return ApiError(
    429,
    f"{what}, DELETE a stream that you need no more, or have the operator raise {option}",
    headers={"Retry-After": "60"},
  )
