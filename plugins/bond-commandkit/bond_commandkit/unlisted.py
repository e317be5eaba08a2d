"""Symbols of a spec that the lists of markets which this machine keeps do not have."""

from typing import NamedTuple

from bond_core import PluginError, Spec
from bond_core.packages import fault_of


class UnlistedSymbol(NamedTuple):
  """A source's symbol, that it is not listed in a sentence, and the nearest ones that are."""

  source: str
  symbol: str
  reason: str
  nearest: tuple[str, ...]


def unlisted_of(spec: Spec) -> list[UnlistedSymbol]:
  """What is not listed, without a network; nothing is said of venues whose lists are not kept.
  PluginError where a source fails to say it."""
  found: list[UnlistedSymbol] = []
  for key, node in spec.sources.items():
    if node.type.unlisted is None:
      continue
    try:
      said = [UnlistedSymbol(key, *one) for one in node.type.unlisted(node.config)]
    except BaseException as exc:
      error = fault_of(exc)
      raise PluginError(
        f"{node.use} failed to say what is listed, with {type(error).__name__}: {error}"
      ) from exc
    found += [one for one in said if all(one[1:] != other[1:] for other in found)]
  return found
