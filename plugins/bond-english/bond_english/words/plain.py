"""Plain English that says nothing about a stream: what is done with it, how politely, why.

Unlike filler it may say something to the user, so the account says that it was ignored.
"""

from bond_english.words import split_words, without_apostrophes

_VERBS = """
accept access act actualise actualize add adjust advise aim allow analyse analyze append apply
arrange ask assemble
assess assist attach attempt await backfill beep believe blend bother break briefly build buzz call
 capture care catch change choose clean clear click collect combine come comply compose compute
concern conduct configure confirm connect consider consume contain continue contribute convert cook
copy cover craft crunch decide dedicate define deliver depend describe deserve design desire detect
determine develop digest dig discover display distribute download draw drive drop dump eat edit
email emit enable encompass end engage enjoy ensure enter establish evaluate examine execute expect
expand experiment explain explore export expose extract face feature feel fetch figure fill finish
fire fit flag get focus force form format forward gather generate guarantee guess guide handle
happen
hear highlight hit hold hook hope identify illustrate imagine implement improve include incorporate
inform initiate inspect install instruct integrate intend investigate involve issue join judge jump
kick land launch lead learn leave load locate log look maintain manage map measure mix mind
miss model mount need notice obtain offer operate organise organize output own pay
perform pick pipe receive send plan play please pop populate post prefer prepare present prevent
print process
produce program prompt propose prove publish pull question query raise reach react read realise
realize recall recommend recreate refer reflect relate relay rely remember render reply
request require research respond rest restart retrieve return reveal review ring roll route sample
satisfy save say scan schedule scrape scroll seek seem select serve service settle shape ship shoot
simplify sit sleep slide sort sound spend spin split stack stand stay stick strategise
strategize study suggest suit summarise summarize supply support suppose surface survey talk teach
test think throw touch train translate treat trigger trust try tune turn understand unify use
utilise utilize verify view visit wait walk warm wish wonder work worry write yield
"""

_OTHERS = """
able above accordingly accurate accurately active actively additional additionally after again agent
ahead ai algo algorithm algorithmic almost alone already although altogether always amazing among
another anyone anyway apart appropriate approximate approximately aware awesome bad basic because
become before beginning behind beyond bond's bot bots boss bro broad broadly brief buddy busy
careful carefully case cases certain certainly chance cheers clearly client closely cleaner code
colleague comes comfortable common company completely computer consistent consistently constant
convenient cool correct correctly couple course crazy cute dashboard's day days dear dedicated
default deep definitely desk desired detailed different direct directly dude during early easily
easy effective efficient efficiently else enough entirely equally especially essentially eventually
everybody everyone exact example excellent extra extremely eyes fairly fast faster favourite
favorite final finally fine first firstly folks forever frankly free friend friends fully fun
further general generally genius gentle gently glad goal good great guys handy happy hard
hardly helpful hence homework honest honestly hopefully however huge human hundred idea ideally
immediate important indeed individually initial initially instead intelligent interested interesting
internal job keen large last lately later latter life light likely line lines little local lookout
lovely lunch machine main majority manner mate maybe meaning meanwhile member mere merely minimal
modern moment morning name namely near nearby necessary next nice nicely night normal normally note
obvious obviously odd official often old optimal optional otherwise ours parallel partial
particularly people perfect perfectly perhaps period personal phone plain point popular possible
possibly potential practical precise precisely previous primary primarily probably problem
programmatically project proper properly purely purpose purposes quick quickly rather ready real
reason recent recently regular reliable reliably relevant reasonable respectively result results
robust rough roughly same scalper scalping screen script seamless seconds secondly separate
separately serious shortly simple since sincerely sir slight slightly slow slowly small smart smooth
smoothly solid solely someone something sometimes somewhat soon sorry specifically sent spot-on
standard
state steady steadily straight strategy strategies strictly strong such suitable super sure system
table tad task tasks team terminal terms testing that's therefore they'll they're though throughout
thus tidy tight till tiny today ton tool tools trade trades top totally trader traders tradingview
typical typically ultimately under until upon urgent urgently usable useful user usual usually vs
way ways whatever wherever whether whichever why widely wise word words worth yeah yep yes yet
you'd plenty bunch series range variety mixture combination handful list
collection picture sense individual level levels overview native
you'll pinging yourself kindest regards fast-paced ultra mega kinda sorta lol haha btw fyi
asap tbh imo hmm um uh oh ah who's where's when's how's there's here's it's he's she's which's
better somebody anybody nobody taken took given gave got gotten gone went came began begun kept
built peg pegs
held shown
said told lost thought brought found felt met put ran sent spoken chosen written drawn er erm uh
poll
json
jsonl ndjson myself yourself himself themselves
upcoming single-stream one-stream unified seamlessly ok'd specially moreover furthermore i.e e.g ie
eg
"""

_STEMS = frozenset(split_words(_VERBS))
PLAIN = _STEMS | frozenset(without_apostrophes(split_words(_OTHERS)))
_ENDINGS = ("s", "es", "d", "ed", "ing", "er", "ers", "ly", "est")


def is_plain(word: str) -> bool:
  """Whether a word is plain English: one of the table, or a form of one of its verbs."""
  return word in PLAIN or any(base in _STEMS for base in bases(word))


def bases(word: str) -> list[str]:
  """What a word may be a form of: combines, sampled, tracking, stopped, curiously."""
  found: list[str] = []
  for ending in _ENDINGS:
    if not word.endswith(ending) or len(word) < len(ending) + 3:
      continue
    base = word.removesuffix(ending)
    found += [base, f"{base}e"]
    if len(base) > 3 and base[-1] == base[-2]:
      found.append(base[:-1])
    if base.endswith("i"):
      found.append(f"{base[:-1]}y")
  return found
