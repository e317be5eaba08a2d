"""Words that say nothing about the stream, and the words between others; closed lists. A word that
is in no table is unknown."""

from bond_english.words import split_phrases, split_words, without_apostrophes

FILLER = frozenset(
  without_apostrophes(
    split_words(
      """
    a an the this that these those some any my our your their its his her it them they i we you us
    me im i'm i'd i'll we'd we're let's lets let you're please pls plz kindly thanks thank thx ty
    hi hey hello gm yo ok okay so well now then give get gimme show see view display print tell
    report send push pull fetch grab bring provide want wanna need like love would could can may
    might should must shall will gonna have has had having be is are was were am being been do does
    did doing done stream streams streaming streamed feed feeds data datafeed info information
    details detail update updates updated updating refresh refreshed refreshing add adding
    subscribe subscription subscriptions follow following track tracking watch watching monitor
    monitoring listen listening observe observing keep keeping eye run running start starting begin
    set setup make making create build put use using take look looking check checking find go going
    receive receiving collect collecting gather live latest current currently today's right new
    newest fresh ongoing up out off down away back of for on about in at from to into onto with by
    via through per as around regarding concerning within over across between against and or plus
    also too both either along together alongside including include includes included just only
    simply exactly really actually basically mostly mainly still ever single even quite very cross
    crosses coin coins token tokens crypto cryptos cryptocurrency cryptocurrencies asset assets
    currency currencies symbol symbols pair pairs market markets exchange exchanges venue venues
    platform platforms contract contracts instrument instruments instrument's chain chains
    blockchain network websocket ws api bond specific particular respective anything stuff things
    thing what's whats what how much many which who when where if there here whenever while event
    events activity message messages entry entries item items snapshot snapshots side sides reading
    readings figure figures interval intervals frequency rate cadence resolution granularity
    timeframe timeframes time times second-by-second basis speed all everything every each whole
    entire full complete combined traded trading listed happening getting coming made seen based
    related mentioning mention mentions mentioned containing says saying said tagged talking one
    ones
    lot lots bit kind kinds sort sorts type types public available known called named size sized
    sizes amount amounts notional aggregate aggregated aggregation normalized normalised compare
    compared comparing comparison taking sub know u ur lemme gotta ya plox thx tnx i've you've
    we've got y'all qty
    quantity quantities row rows him her he she rn tho ta freq topic topics ccxt const async await
    var
    subtask http https
    wss www
    """
    )
  )
)

PHRASES = split_phrases(
  """
  total value; total notional; then stop; and stop; and then stop; until stopped; until i stop it;
  until i stop; till i stop it;
  until further notice; until i say stop; until i say so; no end; without end; in one go; in one
  trade; at once; open stream; create stream; start stream; create subscription; in time order; in
  order of time; ordered by time; sorted by time; in chronological order; on the same; for the same;
  of the same; at the same venue; there is no hurry; no hurry; no rush; take your time; kind
  regards;
  best regards; best wishes; warm regards; with kind regards; many thanks; thanks in advance;
  open a subscription; open a stream; open a feed; open a connection; open a channel; as well;
  as well as; at the same time; right now; real quick; in terms of; keep an eye on; up to
  date; as of now; at the moment; and so on; at all; good morning; no problem; thank you; of
  course; by the way; for me; i would like; what is; what's the; tell me; side by side; amount of;
  in comparison; nothing else; and nothing else; nothing more; in one stream; in the same stream;
  on the same stream; on the same clock; same time; same clock; one stream; a stream of; one feed;
  just one; not only; not just; one of; one by one; this one; the one; in parallel; low latency; in
  a single stream; each of; all of; both of; long story;
  long story short; beyond level one; the closest thing to; closest thing to; something like
  """
)

PREPOSITIONS = frozenset(
  ["of", "for", "about", "on", "in", "regarding", "concerning", "mentioning"]
)
"""What links the word before it to the one after it: price of BTC, tweets about ETH."""

CONJUNCTIONS = frozenset(
  ("and", "but", "plus", "also", "or", "with", "then", "including", "alongside", "n")
)
"""Words between the members of a list."""

CORRECTIONS = split_phrases(
  """
  no wait; wait no; no hold on; hold on; no sorry; actually make it; actually make that; make it;
  make that; wait not; or better;
  on
  second thought; on second thoughts; actually no; no actually; sorry i mean; sorry i meant; i
  mean; or rather;
  scratch that
  """
)
"""After these the request is said again, otherwise."""

HESITATIONS = frozenset(("actually", "er", "erm", "wait", "sorry"))
"""So it is after these, between a sign and a number or "not"."""

KEYS = frozenset(
  split_words(
    """
    symbol symbols ticker pair pairs market markets instrument asset assets coin exchange exchanges
    venue venues source sources channel channels type kind data stream streams feed topic interval
    frequency every period depth levels limit query filter side chain network window timeframe
    event events freq params method param metric metrics name names product products id ids inst
    instruments args arg op action req request command cmd topics feeds subscribe subscription
    format timeframes tf intervals min max notional fields field
    """
  )
)
"""Keys of requests in the form key=value."""

CONJUNCTION_SIGNS = frozenset("+,&;|")
SILENT_SIGNS = frozenset(".!?:()[]{}\"'`“”‘’„«»-–—_…~/\\=#@$·•→")

NEGATIONS = split_phrases(
  """
  do not include; don't include; do not want; don't want; don't need; do not need; dont want; dont
  include; dont need; do not show; don't show; not including; no need for; leave out; leaving out;
  apart from; other than; except for; rather than; instead of; but not; and not; and no; but no;
  everything but; all but; filter out; filtering out; cut out; strip out; take out; get rid of; i
  don't want; not; no; without; except; excluding; exclude; excl; skip;
  skipping; ignore; ignoring; omit; omitting; drop; dropping; sans; non; never; neither;
  nor; avoid; forget; forget about; never mind; minus anything; minus the; minus any; don't; dont;
  isn't; remove; hide; nothing; none; anything but; no more
  """
)
"""Phrases that leave out what follows."""

EXCEPT = split_phrases(
  "not; isn't; aren't; but; except; except for; other than; besides; apart from"
)
"""After "nothing", and after a negation and "everything that is", what is asked for alone."""
EVERYTHING_THAT = frozenset(
  split_words("anything everything all any those ones stuff that that's thats which who is are")
)

PARTED_NEGATIONS = frozenset(("leave", "leaving", "keep", "keeping", "filter", "take", "cut"))
"""Verbs that leave something out where "out" stands behind it."""

SAME = tuple(
  f"{same} {noun}"
  for same in ("same", "the same", "these same", "those same", "both", "both of these")
  for noun in split_words(
    """
    pair pairs coin coins token tokens asset assets instrument instruments symbol symbols market
    markets contract contracts exchange exchanges venue venues ticker tickers amount amounts size
    sizes bound bounds threshold thresholds filter filters limit limits interval
    """
  )
)
"""What was named before: the clause shares it."""
