"""Plain English that says nothing about a stream: what is done with it, how politely, why.

Unlike filler it may something to the user, so the account says that it was ignored.
"""

from bond_english.words import split_words

_VERBS = """
accept access act add adjust advise aim allow analyse analyze append apply arrange ask assemble
assess assist attach attempt await backfill beep believe blend bother break briefly build buzz
 capture care catch change choose clean clear click collect combine come comply compose compute
concern conduct configure confirm connect consider consume contain continue contribute convert cook
copy cover craft crunch decide dedicate define deliver depend describe deserve design desire detect
determine develop digest dig discover display distribute download draw drive drop dump eat edit
email emit enable encompass end engage enjoy ensure enter establish evaluate examine execute expect
expand experiment explain explore export expose extract face feature feel fetch figure fill finish
fire fit flag focus force form format forward gather generate guarantee guess guide handle happen
hear highlight hold hook hope identify illustrate imagine implement improve include incorporate
inform initiate inspect install instruct integrate intend investigate involve issue join judge jump
kick land launch lead learn leave load locate log look maintain manage map measure mix mind
miss model mount need notice obtain offer operate organise organize output own pay
perform pick pipe plan play please pop populate post prefer prepare present prevent print process
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
able about above accordingly accurate accurately active actively additional additionally after
again agent ahead ai algo algorithm algorithmic almost alone already although altogether always
amazing among another anyone anyway apart appropriate approximate approximately available aware
awesome bad basic because become been before beginning behind beyond bond's bot bots boss bro broad
broadly brief buddy busy careful carefully case cases certain certainly chance cheers clean clearly
client closely cleaner code colleague come comes comfortable common company complete completely
computer consistent consistently constant convenient cool correct correctly couple course crazy
cute dashboard's day days dear dedicated default deep definitely desk desired detailed different
direct directly dude during early easily easy effective efficient efficiently either else enough
entirely equally especially essentially eventually everybody everyone exact example excellent
experiment extra extremely eyes fairly fast faster favourite favorite final finally fine first
firstly folks following forever frankly free friend friends fully fun further general generally
genius gentle gently glad goal going gonna good gotta great guys handy happy hard hardly helpful
hence homework honest honestly hopefully however huge human hundred idea ideally immediate
important indeed individually initial initially instead intelligent interested interesting internal
into job keen kind kindly large last lately later latter life light likely line lines little local
lookout love lovely lunch machine main majority manner many mate maybe meaning meanwhile member
mentioned mere merely mind minimal modern moment morning much name namely near nearby necessary new
next nice nicely night none normal normally note nothing now obvious obviously odd official often
old only optimal optional otherwise ours over own parallel partial particularly people per
perfect perfectly perhaps period personal phone plain plan pls point popular possible possibly
potential practical precise precisely present previous primary primarily probably problem process
programmatically project proper properly purely purpose purposes quick quickly rather ready real
really reason recent recently regular reliable reliably relevant research reasonable respective
respectively rest result results right robust rough roughly same scalper scalping screen script
seamless seamless seconds secondly see separate separately serious setup shall shortly side simple
simply since sincerely sir slight slightly slow slowly small smart smooth smoothly solid solely
someone something sometimes somewhat soon sorry specifically spot-on standard start state steady
steadily still straight strategy strategies strictly strong stuff such suitable super sure system
table tad task tasks team terminal terms test testing thanks that's then there therefore they'll
they're thing though through throughout thus tidy tight till time tiny to today together ton
tool tools trade traded trades trading top totally trader traders tradingview typical
typically ultimately under until upon urgent urgently usable useful user usual usually vs
want way ways well whatever whenever wherever whether whichever while whole why widely wise
within without word words work worth would yeah yep yes yet you'd you'll you've pinging yourself
kindest regards fast-paced ultra mega kinda sorta lol haha btw fyi asap tbh imo hmm um uh oh ah
who's where's when's how's there's here's it's that's he's she's which's upcoming single-stream
one-stream unified seamlessly ok'd mostly mainly particularly specially additionally moreover
furthermore namely i.e e.g ie eg
"""

_STEMS = frozenset(split_words(_VERBS))
_PLAIN = frozenset(split_words(_OTHERS))
_ENDINGS = ("s", "es", "d", "ed", "ing", "er", "ers")


def is_plain(word: str) -> bool:
  """Whether a word is plain English: one of the table, or a form of one of its verbs."""
  return word in _PLAIN or word in _STEMS or any(base in _STEMS for base in _bases(word))


def _bases(word: str) -> list[str]:
  """What the word may be a form of: combines, sampled, tracking, stopped."""
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
