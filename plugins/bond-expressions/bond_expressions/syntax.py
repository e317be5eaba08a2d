"""From the text of an expression to its tree, within limits; and errors with the place in the
text."""

import ast
import warnings

MAX_LENGTH = 500
MAX_NODES = 200
MAX_DEPTH = 20


def parse(source: str) -> ast.expr:
  """The tree of an expression. ValueError with the place for what is none or is too big."""
  if len(source) > MAX_LENGTH:
    raise ValueError(
      f"the expression has {len(source)} characters; {MAX_LENGTH} are allowed, "
      "so split it over several transforms"
    )
  if not source.strip():
    raise ValueError("the expression is empty; write one such as price * size > 100000")
  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")
      tree = ast.parse(source.strip(), mode="eval").body
  except SyntaxError as error:
    # An expression that ends too early has no offset.
    column = error.offset - 1 if error.offset else len(source)
    at = _index(source, error.lineno or 1, column)
    raise ValueError(
      f"character {at + 1} of {shortened(source)}: {error.msg or 'not an expression'}; "
      "write one such as price * size > 100000 and side == 'buy'"
    ) from None
  except (ValueError, MemoryError, RecursionError):
    raise ValueError(
      f"the expression {shortened(source)} cannot be read; it is nested too deeply or holds "
      "characters that no expression has"
    ) from None
  _check_size(source, tree)
  return tree


def refusal(source: str, node: ast.AST, sentence: str) -> ValueError:
  """The error that says what is wrong with a node, and where it is in the text."""
  line = getattr(node, "lineno", 1)
  row = _line(source, line)
  # ast counts the columns of nodes in bytes, and those of syntax errors in characters.
  before = row.encode("utf-8", "surrogatepass")[: getattr(node, "col_offset", 0)]
  at = _index(source, line, len(before.decode("utf-8", "ignore")))
  return ValueError(f"character {at + 1} of {shortened(source)}: {sentence}")


def shortened(source: str) -> str:
  """An expression in quotes, cut to 80 characters."""
  return repr(source if len(source) <= 80 else source[:77] + "...")


def _check_size(source: str, tree: ast.expr) -> None:
  """Refuses trees that are too big, before anything walks them recursively."""
  nodes, level, depth = 0, [tree], 0
  while level:
    depth += 1
    nodes += len(level)
    if depth > MAX_DEPTH:
      raise refusal(source, level[0], f"the expression is nested more than {MAX_DEPTH} deep")
    level = [
      child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    ]
  if nodes > MAX_NODES:
    raise ValueError(
      f"the expression has {nodes} parts; {MAX_NODES} are allowed, "
      "so split it over several transforms"
    )


def _line(source: str, number: int) -> str:
  lines = source.strip().splitlines(keepends=True)
  return lines[number - 1] if number <= len(lines) else ""


def _index(source: str, line: int, column: int) -> int:
  """The index in `source` of a line and a column, in characters, of the stripped text."""
  stripped = source.strip()
  start = source.find(stripped)
  before = sum(len(part) for part in stripped.splitlines(keepends=True)[: line - 1])
  return min(start + before + max(0, column), len(source))
