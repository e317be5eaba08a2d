"""What reads what: the order in which transforms run, and whether they can use what they read."""

from collections.abc import Iterable, Mapping

from bond_core._events import Gap, Heartbeat
from bond_core._spec.document import Document, Path, path_text
from bond_core._spec.model import SinkNode, SourceNode, TransformNode
from bond_core._suggest import one_of

# These go wherever events go.
_EVERYWHERE = {Gap, Heartbeat}


def in_order(document: Document, inputs: Mapping[str, tuple[str, ...]]) -> list[str]:
  """The names in `inputs`, each after those that it reads. A circle is noted as a problem."""
  order: dict[str, None] = {}
  for start in inputs:
    # Depth first without recursion: a chain can be as long as a spec.
    trail = [start]
    while trail:
      name = trail[-1]
      ahead = next((other for other in inputs.get(name, ()) if other not in order), None)
      if ahead in trail:
        circle = [*trail[trail.index(ahead) :], ahead]
        message = f"these read each other in a circle: {' reads '.join(map(str, circle[:8]))}"
        document.refuse(message, ("transforms", name, "from"))
        ahead = None
      if ahead is None:
        order[trail.pop()] = None
      else:
        trail.append(ahead)
  return [name for name in order if name in inputs]


def check_types(
  document: Document,
  sources: Mapping[str, SourceNode],
  transforms: Mapping[str, TransformNode],
  sinks: Mapping[str, SinkNode],
) -> list[str]:
  """Notes transforms and sinks that can use nothing of what they read as problems; gives warnings
  about those that can use a part. `transforms` are in order. A transform that does not say what it
  gives may give anything, and so may one that is wrong and therefore not there."""
  gives: dict[str, frozenset[type]] = {k: frozenset(n.type.emits) for k, n in sources.items()}
  warnings: list[str] = []
  nodes: list[tuple[str, TransformNode | SinkNode]] = [
    *(("transforms", node) for node in transforms.values()),
    *(("sinks", node) for node in sinks.values()),
  ]
  for section, node in nodes:
    if isinstance(node, TransformNode) and node.type.emits is not None:
      gives[node.key] = frozenset(node.type.emits)
    if node.type.accepts is None or not (takes := {*node.type.accepts} - _EVERYWHERE):
      continue
    useless = {k: gives[k] for k in node.inputs if k in gives and not gives[k] & takes}
    at: Path = (section, node.key, "from")
    if useless and len(useless) == len(node.inputs):
      given = "; ".join(f"{key} gives {_kinds(kinds)}" for key, kinds in useless.items())
      message = f"{node.use} takes {_kinds(takes)}, and nothing that it reads gives that: {given}"
      document.refuse(message, at)
      continue
    for key, kinds in useless.items():
      where = f"line {document.value_span(at).line}: {path_text(at[:-1])}: {node.use}"
      message = f"makes no use of {key}, which gives {_kinds(kinds)}; it takes {_kinds(takes)}"
      warnings.append(f"{where} {message}")
  return warnings


def _kinds(kinds: Iterable[type]) -> str:
  tags = (kind.__struct_config__.tag for kind in {*kinds} - _EVERYWHERE)  # type: ignore[attr-defined]
  return one_of(sorted(tags), "and") or "nothing"
