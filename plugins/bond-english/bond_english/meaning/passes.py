"""The passes over a request's chunks in their order, with the roles that each reads and writes."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from bond_english.meaning.bounds import resolve_bounds
from bond_english.meaning.disambiguation import disambiguate
from bond_english.meaning.findings import Findings
from bond_english.meaning.intents import detect_intents
from bond_english.meaning.kinds import assume_kinds, resolve_kinds
from bond_english.meaning.negation import apply_negations
from bond_english.meaning.quotes import resolve_quotes
from bond_english.meaning.request import Request
from bond_english.meaning.timing import resolve_times
from bond_english.meaning.topics import find_topics
from bond_english.text.chunks import (
  AMBIGUOUS_ASSET,
  AMBIGUOUS_X,
  ASSET,
  AVERAGE,
  BOUND,
  CHAIN,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  MARKET_TYPE,
  METRIC,
  NEGATION,
  PAIR,
  POSTS,
  PROVIDER,
  QUERY,
  QUOTE,
  REFUSED,
  TIME_SPAN,
  UNKNOWN,
  VAGUE_KIND,
  VENUE,
  VERSUS,
  WEAK_KIND,
  Role,
)

Report: TypeAlias = Literal["questions", "rejections", "warnings", "assumptions"]


class Pass(NamedTuple):
  """A pass, and what it may change.

  Only chunks with a role in `takes` change; afterwards they have one in `gives`. No active chunk
  has a role in `settles` any more. `reports` are the lists of the findings that it may add to.
  """

  run: Callable[[Request, Findings], None]
  takes: tuple[Role, ...] = ()
  gives: tuple[Role, ...] = ()
  settles: tuple[Role, ...] = ()
  reports: tuple[Report, ...] = ()


PASSES = (
  Pass(
    disambiguate,
    takes=(AMBIGUOUS_ASSET, AMBIGUOUS_X, POSTS, ASSET, CHAIN, VENUE, FILTER, UNKNOWN),
    gives=(ASSET, CHAIN, VENUE, KIND, FILTER, FILLER, UNKNOWN),
    settles=(AMBIGUOUS_ASSET, AMBIGUOUS_X, POSTS),
    reports=("warnings",),
  ),
  Pass(
    resolve_kinds,
    takes=(EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, AVERAGE),
    gives=(KIND, FILTER, FILLER, UNKNOWN),
    settles=(EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, AVERAGE),
    reports=("warnings",),
  ),
  Pass(
    # The chunks that it leaves out keep their role.
    apply_negations,
    takes=(
      *(NEGATION, CONJUNCTION, ASSET, PAIR, QUOTE, KIND, VENUE, MARKET_TYPE, CHAIN),
      *(FILTER, BOUND, UNKNOWN),
    ),
    gives=(
      *(NEGATION, ASSET, PAIR, QUOTE, KIND, VENUE, MARKET_TYPE, CHAIN),
      *(FILTER, BOUND, UNKNOWN, FILLER),
    ),
  ),
  Pass(
    find_topics,
    takes=(QUERY, UNKNOWN, FILLER, QUOTE, VENUE),
    gives=(QUERY,),
    reports=("warnings",),
  ),
  Pass(
    resolve_times,
    takes=(TIME_SPAN, INTERVAL, FILLER, KIND),
    gives=(INTERVAL, FILTER, REFUSED, FILLER),
    settles=(TIME_SPAN,),
    reports=("warnings",),
  ),
  Pass(
    resolve_bounds,
    takes=(BOUND, FILTER),
    gives=(FILTER, ASSET, REFUSED, FILLER, UNKNOWN),
    settles=(BOUND,),
    reports=("warnings",),
  ),
  Pass(
    resolve_quotes,
    takes=(ASSET, PAIR, QUOTE, VERSUS),
    gives=(PAIR, QUOTE, ASSET, CONJUNCTION),
    settles=(VERSUS,),
    reports=("questions", "warnings"),
  ),
  Pass(
    detect_intents,
    takes=(KIND, FILTER, UNKNOWN, FILLER),
    gives=(REFUSED, FILLER),
    reports=("questions", "rejections"),
  ),
  Pass(
    assume_kinds,
    reports=("questions", "warnings", "assumptions"),
  ),
)
