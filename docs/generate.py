"""Writes the pages that come from the code: spec.md, hooks.md, modules.md, the table of terms, and
the types of events of the JavaScript client.

Run as `python docs/generate.py` where the repository's plugins are installed. Only its own plugins
are described, so that the pages are equal on every machine.
"""

import ast
import importlib
import inspect
import textwrap
import types
from pathlib import Path
from typing import (
  Any,
  Literal,
  NotRequired,
  Union,
  get_args,
  get_origin,
  get_type_hints,
  is_typeddict,
)

import attrs
from kk0 import events as kk0_events

from bond_core import (
  AuthContext,
  AuthType,
  Credentials,
  LogType,
  NoConfig,
  Out,
  Plugin,
  Principal,
  Registry,
  ServiceType,
  Sink,
  SinkContext,
  SinkType,
  SourceContext,
  SourceType,
  TimedTransform,
  TransformContext,
  TransformType,
)
from bond_core._events import EVENT_TYPES
from bond_core._plugins import hookspecs
from bond_core._plugins.registry import HOOKS
from bond_core._spec.structure import closed_keys
from bond_core.logs import Engine, Record
from bond_core.services import Access, Demand, Server, Stream, Streams

DOCS = Path(__file__).parent
ROOT = DOCS.parent
TYPESCRIPT = ROOT / "sdk" / "js" / "src" / "events.ts"
MADE = "<!-- Made by `python docs/generate.py`; changes belong into the code. -->"
TERMS = ("<!-- generated: terms -->", "<!-- end -->")

SHAPE = """\
# Spec reference

{made}

A spec says where events come from, what happens to them, and where they go. It is YAML or JSON:

```yaml
name: big-trades          # optional; else the file's name
sources:                  # where events come from; at least one
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT]}}}}
transforms:               # functions over events, in any order
  big: {{use: core.filter, from: trades, with: {{where: "price * size > 10000"}}}}
sinks:                    # where events go; none: they are printed
  screen: {{use: core.print, from: [big]}}
log: {{use: core.memory, with: {{keep: 60s}}}}   # optional; this is the default
```

| key | in | means |
|---|---|---|
| `use` | every entry | the component: `PLUGIN.NAME`, as `bond plugins` lists them |
| `with` | every entry | the component's own keys, below; may be left out where none is required |
| `from` | transforms, sinks | what it reads: the name of a source or transform, or a list of them |

A name (`trades`, `big`) is up to 64 letters, digits, `_` and `-`, and is given once in a spec.
Transforms may read each other, but not in a circle. `gap` events go wherever events go.
`bond check` shows every problem of a spec at once, each with its line and column. `bond schema`
prints the JSON Schema of a spec with the components that are installed, for editors and for agents
(`--outside`: only what a server takes from its clients). An editor reads it where the first line of
a spec is
`# yaml-language-server: $schema=spec.schema.json`.

| type | is written |
|---|---|
| Duration | `250ms`, `5s`, `2m`, `1h`, `1d`, or a number of seconds |
| Size | `500kB`, `64MiB`, `1GiB`, or a number of bytes; kB is 1000, KiB is 1024 |
| Secret | `{{secret: NAME}}` (environment), `{{secret: {{file: PATH}}}}` (file); never the value |
| a symbol | [any spelling](protocol.md#symbols): `BTC/USDT`, `btcusdt`, `BTC/USDT:USDT` |

Types are strict: a text is no number and a number is no text; a whole number serves where any
number does.
"""

HOOKS_INTRO = """\
What the core asks a plugin. A plugin implements the hooks that it has something for, marked with
`@hookimpl`; each is asked once, when the plugin is first named, takes no arguments and answers with
descriptions. [Write a plugin](write-a-plugin.md) is the way in;
[plugins are asked once](decisions/0014-plugins.md) says why it is so."""

MODULES_INTRO = """\
What plugins and programs may import from the core: these modules and the names in them, and
nothing with an underscore. While bond-core is 0.x, a name or what it does changes only with the
second number of the version, and the changelog says what to write instead; so a plugin depends on
`bond-core>=0.1,<0.2`. A new field with a default, a new name or a new module may come with any
version."""

GIVEN: dict[type, tuple[type, ...]] = {
  SourceType: (Out, SourceContext),
  TransformType: (TransformContext, TimedTransform),
  SinkType: (SinkContext, Sink),
  AuthType: (AuthContext, Credentials, Principal),
  LogType: (Engine, Record),
  ServiceType: (Server, Streams, Stream, Demand, Access),
}
"""What each hook's components are handed, or have to be."""

SECTIONS = {
  "source": ("Sources", "sources:\n  my-source: {{use: {name}, with: {example}}}"),
  "transform": (
    "Transforms",
    "transforms:\n  my-transform: {{use: {name}, from: my-source, with: {example}}}",
  ),
  "sink": ("Sinks", "sinks:\n  my-sink: {{use: {name}, from: my-source, with: {example}}}"),
  "log": ("Logs", "log: {{use: {name}, with: {example}}}"),
  "auth": ("Access", "auth:\n  - {{use: {name}, with: {example}}}"),
  "simulator": ("Simulators", ""),
}


def plugins() -> list[Plugin]:
  """The plugins of this repository, the core's own first."""
  packages = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
  found = [plugin for plugin in Registry().plugins() if plugin.package in packages]
  for plugin in found:
    if plugin.error is not None:
      raise SystemExit(f"{plugin.package} does not load: {plugin.error}")
  return found


def pages() -> dict[Path, str]:
  """Every generated page and what it should hold."""
  compliance = DOCS / "compliance.md"
  before, rest = compliance.read_text(encoding="utf-8").split(TERMS[0])
  after = rest.split(TERMS[1])[1]
  return {
    DOCS / "spec.md": _spec_page(),
    DOCS / "hooks.md": _hooks_page(),
    DOCS / "modules.md": _modules_page(),
    compliance: f"{before}{TERMS[0]}\n{_terms()}{TERMS[1]}{after}",
    TYPESCRIPT: _typescript(),
  }


def _spec_page() -> str:
  parts = [SHAPE.format(made=MADE)]
  everything = [component for plugin in plugins() for component in plugin.components]
  for word, (title, snippet) in SECTIONS.items():
    here = [component for component in everything if HOOKS[type(component)][1] == word]
    parts.append(f"## {title}\n")
    if word == "simulator":
      parts.append(
        "A simulator is not part of a spec: `bond run --sim` starts it, and `bond sim NAME` with "
        "its\nkeys as options. Its faults are in [Faults](faults.md).\n"
      )
    if word == "auth":
      parts.append(
        "Who may read is not part of a spec: `bond serve --auth FILE` takes a file with the list "
        "`auth`,\nwhose entries are asked in their order. [Access](access.md) says more.\n"
      )
    parts += [_component(component, snippet) for component in here]
  return "\n".join(parts)


def _component(component: Any, snippet: str) -> str:
  lines = [f"### {component.name}", "", component.summary, ""]
  doc = None if component.config is NoConfig else inspect.getdoc(component.config)
  if doc:
    lines += [doc, ""]
  if isinstance(component, SourceType):
    gives = _tags(component.emits)
    lines += [f"Gives: {gives}.", "", f"Terms: {component.terms or 'none of its own'}", ""]
  elif getattr(component, "accepts", None):
    lines += [f"Takes: {_tags(component.accepts)}.", ""]
  if getattr(component, "public", True) is False:
    lines += ["Only specs of the machine's own user may use it.", ""]
  fields = attrs.fields(component.config)
  if fields:
    lines += ["| key | type | default |", "|---|---|---|"]
    for field in fields:
      kind = type_text(field.type).replace("|", "\\|")
      lines.append(f"| `{field.alias or field.name}` | {kind} | {_default(field)} |")
    lines.append("")
    if getattr(component, "public", False) and (closed := closed_keys(component.config)):
      keys = ", ".join(
        f"`{field.alias or field.name}`"
        for field in fields
        if (field.alias or field.name) in closed
      )
      lines += [f"Closed to specs from outside: {keys}.", ""]
  if snippet:
    example = component.example or "{}"
    lines += ["```yaml", snippet.format(name=component.name, example=example), "```", ""]
  return "\n".join(lines)


def _tags(kinds: tuple[type, ...]) -> str:
  if len(set(kinds)) == len(EVENT_TYPES):
    return "every type of event"
  names = {kind: tag for tag, kind in EVENT_TYPES.items()}
  return ", ".join(f"`{names[kind]}`" for kind in kinds)


def type_text(kind: Any) -> str:
  """A type as somebody who writes a spec reads it."""
  origin, args = get_origin(kind), get_args(kind)
  if kind is None or kind is type(None):
    return "null"
  if origin is Literal:
    return " | ".join(f"`{value}`" for value in args)
  if origin in (Union, types.UnionType):
    return " | ".join(type_text(arg) for arg in args)
  if origin is not None:
    return f"{origin.__name__} of {' to '.join(type_text(arg) for arg in args)}"
  names = {str: "text", int: "integer", float: "number", bool: "true | false"}
  return names.get(kind) or getattr(kind, "__name__", str(kind))


def _default(field: Any) -> str:
  if field.default is attrs.NOTHING:
    return "required"
  value = field.default
  if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
    value = value.factory()
  if value is None:
    return "`null`"
  if value == "":
    return "empty"
  if isinstance(value, bool):
    return f"`{value}`".lower()
  return f"`{value}`"


def _hooks_page() -> str:
  parts = [
    "# Hook reference",
    "",
    MADE,
    "",
    HOOKS_INTRO,
    "",
  ]
  tree = ast.parse(inspect.getsource(hookspecs))
  kinds = {hook: kind for kind, (hook, _) in HOOKS.items()}
  for node in tree.body:
    if isinstance(node, ast.FunctionDef) and node.returns is not None:
      signature = f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
      parts += [f"## `{signature}`", "", inspect.getdoc(getattr(hookspecs, node.name)) or "", ""]
      parts += [_description(kinds[node.name])]
      parts += [_given(cls) for cls in GIVEN.get(kinds[node.name], ())]
  return "\n".join(parts).rstrip() + "\n"


def _description(kind: type) -> str:
  """The fields of a description, in the words of its own class."""
  lines = [f"### {kind.__name__}", "", inspect.getdoc(kind) or "", ""]
  lines += ["| field | type | default |", "|---|---|---|"]
  body = ast.parse(inspect.getsource(kind)).body[0]
  for node in body.body if isinstance(body, ast.ClassDef) else ():
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
      written = node.annotation
      text = written.value if isinstance(written, ast.Constant) else ast.unparse(written)
      default = "required" if node.value is None else f"`{ast.unparse(node.value)}`"
      kind_text = str(text).replace("|", "\\|")
      lines.append(f"| `{node.target.id}` | `{kind_text}` | {default} |")
  return "\n".join([*lines, ""])


def _given(cls: type) -> str:
  """What the core hands over or calls: the attributes and methods of a class, in its own words."""
  lines = [f"### {cls.__name__}", "", inspect.getdoc(cls) or "", ""]
  body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
  rows: list[tuple[str, str]] = []
  for node in body.body if isinstance(body, ast.ClassDef) else ():
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
      if not node.target.id.startswith("_"):
        rows.append((f"{node.target.id}: {ast.unparse(node.annotation)}", ""))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and rows:
      # The sentence below an attribute.
      rows[-1] = rows[-1][0], str(node.value.value)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
      if node.name.startswith("_") and node.name != "__call__":
        continue
      node.args.args = node.args.args[1:]
      word = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
      name = "" if node.name == "__call__" else node.name
      is_property = any(ast.unparse(found) == "property" for found in node.decorator_list)
      returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
      call = "" if is_property else f"({ast.unparse(node.args)})"
      rows.append((f"{word}{name}{call}{returns}", ast.get_docstring(node) or ""))
  if rows:
    lines += ["| | |", "|---|---|"]
  for code, text in rows:
    said = " ".join(text.split()).replace("|", "\\|")
    lines.append(f"| `{code.replace('|', chr(92) + '|')}` | {said} |")
  return "\n".join([*lines, ""])


def _modules_page() -> str:
  parts = ["# Public modules", "", MADE, "", MODULES_INTRO, ""]
  core = ROOT / "bond_core"
  paths = [core / "__init__.py", *core.glob("[a-z]*.py"), *core.glob("[a-z]*/__init__.py")]
  for path in paths:
    parents = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parents[:-1] if parents[-1] == "__init__" else parents)
    module = importlib.import_module(name)
    parts += [f"## {name}", "", (module.__doc__ or "").strip(), "", "| name | |", "|---|---|"]
    for public in module.__all__:
      found = getattr(module, public)
      text = ""
      if get_origin(found) is Literal:
        text = "one of " + ", ".join(f"`{word}`" for word in get_args(found))
      elif inspect.isclass(found) or inspect.isfunction(found):
        text = (inspect.getdoc(found) or "").split("\n\n")[0]
      elif isinstance(found, str | int | float):
        text = f"`{found!r}`"
      parts.append(f"| `{public}` | {' '.join(text.split()).replace('|', chr(92) + '|')} |")
    parts.append("")
  return "\n".join(parts).rstrip() + "\n"


def _terms() -> str:
  lines = ["| source | terms |", "|---|---|"]
  sources = [source for plugin in plugins() for source in plugin.of(SourceType)]
  lines += [f"| `{s.name}` | {s.terms or 'none of its own: the file is yours'} |" for s in sources]
  return "\n".join(lines) + "\n"


# What Python's types cannot say as TypeScript's do: tuples, and the two that share a `type`.
TYPESCRIPT_LEVELS = {
  "OrderBook": ("Level[]", "bbo", "Only a consolidated book has it."),
  "Consolidated": ("VenueLevel[]", "update_type", "Only the book of one exchange has it."),
}
TYPESCRIPT_HEAD = """\
// Made by `python docs/generate.py` from kk0/events.py; changes belong there.

/** What sort of contract an instrument is. */
export type MarketType = {market_type};

/** The taker's side of a trade. */
export type Side = {side};

/** A price, and the size there; in a delta, size 0 removes the level. */
export type Level = [price: number, size: number];

/** A price, the size there, and how much of it each venue has. */
export type VenueLevel = [price: number, size: number, venues: Record<string, number>];
"""


def _typescript() -> str:
  classes = [found for found in vars(kk0_events).values() if is_typeddict(found)]
  words = {"market_type": kk0_events.MarketType, "side": kk0_events.Side}
  literals = {name: _literal(get_args(kind)) for name, kind in words.items()}
  parts = [TYPESCRIPT_HEAD.format(**literals)]
  for cls in classes:
    levels, other, why = TYPESCRIPT_LEVELS.get(cls.__name__, ("", "", ""))
    lines = _comment(inspect.getdoc(cls) or "", "")
    lines.append(f"export interface {cls.__name__} {{")
    for name, kind in get_type_hints(cls, include_extras=True).items():
      optional = get_origin(kind) is NotRequired
      text = typescript_of(get_args(kind)[0] if optional else kind)
      if name == "simulated":
        lines += _comment("True where no venue, but a simulator, stands behind it.", "  ")
        text = "true" if cls.__name__ != "VenueQuote" else text
      if name in ("bids", "asks") and levels:
        text = levels
      lines.append(f"  {name}{'?' * optional}: {text};")
    if other:
      lines += [*_comment(why, "  "), f"  {other}?: undefined;"]
    parts.append("\n".join([*lines, "}\n"]))
  names = [found.__name__ for found in get_args(kk0_events.Event)]
  union = "\n".join(f"  | {name}" for name in names)
  parts.append(f"/** Any of them, told apart by `type`. */\nexport type Event =\n{union};\n")
  return "\n".join(parts)


def _literal(values: tuple[str, ...]) -> str:
  return " | ".join(f'"{value}"' for value in values)


def _comment(text: str, indent: str) -> list[str]:
  """A sentence or several, as a comment of TypeScript."""
  lines = textwrap.wrap(" ".join(text.split()), 92 - len(indent))
  if len(lines) == 1:
    return [f"{indent}/** {lines[0]} */"]
  return [f"{indent}/**", *(f"{indent} * {line}" for line in lines), f"{indent} */"]


def typescript_of(kind: Any) -> str:
  """A type of Python as TypeScript has it."""
  origin, args = get_origin(kind), get_args(kind)
  for name, known in (("MarketType", kk0_events.MarketType), ("Side", kk0_events.Side)):
    if kind == known:
      return name
  if origin is Literal:
    return _literal(args)
  if origin in (Union, types.UnionType):
    return " | ".join(typescript_of(arg) for arg in args)
  if origin is list:
    inner = typescript_of(args[0])
    return f"({inner})[]" if "|" in inner else f"{inner}[]"
  if origin is dict:
    return f"Record<string, {typescript_of(args[1])}>"
  names = {str: "string", int: "number", float: "number", bool: "boolean", Any: "unknown"}
  if kind is type(None):
    return "null"
  return names.get(kind) or kind.__name__


if __name__ == "__main__":
  for path, text in pages().items():
    path.write_text(text, encoding="utf-8")
    print(path.relative_to(ROOT).as_posix())
