/** The page: what is typed, what is shown, and how it hangs together. */
import { ApiError, Client, type Made, Refused, Stream } from "../src/index.js";
import { Chart } from "./chart.js";
import {
  choices,
  depth,
  duration,
  figure,
  isWell,
  Market,
  type PageState,
  type Past,
  type Quote,
  spread,
  type Understood,
  words,
} from "./model.js";

const LEVELS = 10;
const ROWS = 15;
/** Milliseconds from the figures to the chart and back: each is drawn faster than anybody reads. */
const TURN = 50;
/** Milliseconds in which a route answers. */
const ANSWERED_WITHIN = 5_000;
const SAID: Record<PageState, string> = {
  connecting: "connecting",
  live: "live",
  quiet: "quiet: nothing has come for a while",
  stale: "stale: what is shown is old",
  simulated: "simulated",
  replay: "replay",
};

function $<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Sets a text where it is another, so that nothing is laid out for nothing. */
function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const fields = new Map<string, Element>();
function show(name: string, text: string): void {
  let element = fields.get(name);
  if (!element) {
    element = document.querySelector(`[data-field="${name}"]`) ?? undefined;
    if (!element) throw new Error(`the page has no field ${name}`);
    fields.set(name, element);
  }
  say(element, text);
}

/** A cell; figures stand at the right. */
function cellOf(text: string, isFigure: boolean): HTMLTableCellElement {
  const cell = make("td", text);
  if (isFigure) cell.className = "figure";
  return cell;
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/**
 * Rows of a table that are made once and filled again and again. `columns` has an f for one of
 * figures, and a t for one of text.
 */
function rows(id: string, count: number, columns: string): HTMLTableCellElement[][] {
  const body = $(id);
  return Array.from({ length: count }, () => {
    const row = body.appendChild(make("tr"));
    return Array.from(columns, (kind) => row.appendChild(cellOf("", kind === "f")));
  });
}

/** Draws a share of the depth that is shown, behind the size at which it is reached. */
function bar(cell: HTMLElement, part: number, whole: number): void {
  const percent = `${whole > 0 ? Math.round((part / whole) * 100) : 0}%`;
  if (cell.style.getPropertyValue("--share") !== percent)
    cell.style.setProperty("--share", percent);
}

function fill(cells: HTMLTableCellElement[], texts: string[]): void {
  cells.forEach((cell, index) => say(cell, texts[index] ?? ""));
}

// Who asks ----------------------------------------------------------------------------------------

const KEY = "bond-key";
let key = sessionStorage.getItem(KEY) ?? undefined;

function client(): Client {
  return new Client(key === undefined ? {} : { apiKey: key });
}

function socketUrl(path: string): URL {
  const url = new URL(path, location.href);
  if (key !== undefined) url.searchParams.set("key", key);
  return url;
}

function askForKey(reason: string): void {
  $("key-form").hidden = false;
  say($("key-problem"), key === undefined ? "" : reason);
  $("key").focus();
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $<HTMLInputElement>("key").value.trim();
  // For this tab only, and gone with it.
  sessionStorage.setItem(KEY, key);
  $("key-form").hidden = true;
  follow();
  void look();
});

// The market --------------------------------------------------------------------------------------

const chart = new Chart($("chart"));
const asks = rows("asks", LEVELS, "fft").reverse();
const bids = rows("bids", LEVELS, "fft");
const tape = rows("tape", ROWS, "tfft");
let market = new Market();
let stream: Stream | undefined;
let connected = false;
let happenedShown = -1;
let countBefore = 0;
let drawn = 0;
let chartIsNext = false;

/** Shows what the server knows of a market already: no page waits for the next trade. */
async function begin(now: Market, symbol: string, kind: string): Promise<void> {
  // A perpetual has its own name there.
  const name = kind === "perp" ? `${symbol}:${symbol.split("/")[1] ?? ""}` : symbol;
  const path = `/v1/markets/${encodeURIComponent(name)}`;
  try {
    const quotes = (await get<{ quotes: Quote[] }>(`${path}/quote`))?.quotes ?? [];
    if (market === now && now.begin(quotes, Date.now())) connected = true;
    const past = await get<{ columns?: Past }>(`${path}/window?every=1s&last=300&budget=20000`);
    if (market === now && past?.columns) now.past(past.columns);
  } catch {
    // What comes on the socket is enough.
  }
}

async function follow(): Promise<void> {
  void stream?.close();
  const symbol = $<HTMLInputElement>("symbol").value.trim() || "BTC/USDT";
  const from = $<HTMLSelectElement>("from").value;
  const kind = $<HTMLSelectElement>("kind").value;
  const now = (market = new Market(kind));
  now.replaying = from !== "";
  happenedShown = -1;
  countBefore = 0;
  $("happened").replaceChildren();
  chart.clear();
  const here = (stream = new Stream(socketUrl("/stream"), {
    onStatus: (status) => {
      if (stream !== here) return;
      if (status.state === "open") connected = true;
      if (status.state === "waiting" || status.state === "closed") connected = false;
      if (status.state === "waiting") {
        now.note(
          "gap",
          Date.now(),
          `the connection was lost (${status.reason || "no reason"}); it comes back`,
        );
      }
    },
  }));
  if (!from) void begin(now, symbol, kind);
  here.subscribe({
    channels: ["trades", "ticker", "funding", "liquidation", "post", "chain"],
    symbols: [symbol],
    ...(from && { from }),
  });
  // A consolidated book is made now, and is in no replay.
  here.subscribe({
    channels: ["orderbook"],
    symbols: [symbol],
    consolidated: true,
    depth: LEVELS,
    speed_ms: 100,
  });
  try {
    for await (const message of here) {
      if (message.type === "error") say($("problem"), message.message);
      else now.take(message, Date.now());
    }
  } catch (error) {
    if (stream !== here) return;
    connected = false;
    if (error instanceof Refused && error.code >= 4500 && error.code < 4501)
      askForKey(error.reason);
    else say($("problem"), error instanceof Error ? error.message : String(error));
  }
}

$("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  void follow();
});

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

function draw(): void {
  requestAnimationFrame(draw);
  const now = Date.now();
  const state = market.state(now, connected);
  if (document.documentElement.dataset["state"] !== state) {
    document.documentElement.dataset["state"] = state;
    show("state", SAID[state]);
  }
  const banner = $("banner");
  const warning =
    state === "replay"
      ? "Replay: this has happened already"
      : market.simulated || Object.values(market.sources).includes("simulated")
        ? "Simulated: no venue stands behind these figures"
        : "";
  if (banner.hidden !== (warning === "")) banner.hidden = warning === "";
  say(banner, warning);

  const age = market.age(now);
  show("age", age === null ? "-" : duration(age));
  const aged = $("market").querySelector('[data-field="age"]') as HTMLElement;
  if (state === "stale" || state === "quiet") aged.dataset["late"] = "";
  else delete aged.dataset["late"];
  // Never both in one frame; and all figures in the same, so that they agree.
  if (now - drawn < TURN) return;
  drawn = now;
  if (chartIsNext) {
    chart.draw(market.points, market.happened, market.decimals);
  } else {
    drawFigures();
    drawBook();
    drawTape();
    drawHappened();
  }
  chartIsNext = !chartIsNext;
}

function drawFigures(): void {
  show("price", figure(market.price));
  show("bid", figure(market.bid));
  show("ask", figure(market.ask));
  show("gaps", String(market.gaps));
  show("seq", market.seq === null ? "-" : String(market.seq));
  const rate = market.funding?.rate;
  show("funding", rate == null ? "-" : `${figure(Number((rate * 100).toPrecision(6)))} %`);
  // What the price is of, for whoever compares it with the log.
  const price = fields.get("price") as HTMLElement;
  if (market.priceSeq === null) delete price.dataset["seq"];
  else price.dataset["seq"] = String(market.priceSeq);
}

function drawBook(): void {
  const { asks: above, bids: below, bbo } = market.book ?? { asks: [], bids: [], bbo: null };
  const depths = [depth(above), depth(below)] as const;
  const most = Math.max(...depths.map((sums) => sums.at(-1) ?? 0));
  for (const [cells, levels, sums] of [
    [asks, above, depths[0]],
    [bids, below, depths[1]],
  ] as const) {
    cells.forEach((row, index) => {
      const level = levels[index];
      const venues = level ? Object.keys(level[2]).join(" ") : "";
      fill(row, level ? [figure(level[0]), figure(level[1]), venues] : []);
      bar(row[1] as HTMLElement, sums[index] ?? 0, most);
    });
  }
  show("spread", figure(bbo && spread(bbo)));
  const mark = bbo?.state === "locked" || bbo?.state === "crossed";
  const tag = $("market").querySelector('[data-field="book_state"]') as HTMLElement;
  say(tag, mark ? `${bbo.state}: ${bbo.blamed.join(", ")}` : "");
  if (mark) tag.dataset["mark"] = "";
  else delete tag.dataset["mark"];
}

function drawTape(): void {
  const trades = market.tape.slice(-ROWS).reverse();
  tape.forEach((cells, index) => {
    const trade = trades[index];
    fill(
      cells,
      trade ? [clock(trade.ts_event), figure(trade.price), figure(trade.size), trade.exchange] : [],
    );
    const side = trade?.side ?? "";
    const price = cells[1] as HTMLElement;
    if (price.dataset["side"] !== side) price.dataset["side"] = side;
  });
}

function drawHappened(): void {
  const newest = market.happened.at(-1)?.id ?? -1;
  if (newest === happenedShown) return;
  happenedShown = newest;
  $("happened").replaceChildren(
    ...market.happened
      .slice(-50)
      .reverse()
      .map(({ kind, at, text }) => {
        const item = make("li", `${clock(at)} ${text}`);
        item.className = kind;
        return item;
      }),
  );
}

// A page that slept says so where it slept; the stream resumes by itself.
let tick = Date.now();
setInterval(() => {
  const now = Date.now();
  market.ticked(tick, now);
  tick = now;
  show("rate", String(market.count - countBefore));
  countBefore = market.count;
}, 1_000);

// Health ------------------------------------------------------------------------------------------

interface Figures {
  clients: number;
  clients_behind: number;
  lag_max: number;
  lost: number;
  reconnects: number;
  gaps: { exchange: string; count: number }[];
  skew_ms: Record<string, number | null>;
  streams?: { exchange: string; age_ms: number }[];
  slowest: { id: number; state: string; lag: number; lost: number; sent: number }[];
}

async function get<T>(path: string): Promise<T | undefined> {
  const headers: HeadersInit = key === undefined ? {} : { "X-API-Key": key };
  // Else they pile up before a server that takes questions and gives no answers.
  const answer = await fetch(path, { headers, signal: AbortSignal.timeout(ANSWERED_WITHIN) });
  if (answer.status === 401) askForKey("the server does not take this key");
  return answer.ok ? ((await answer.json()) as T) : undefined;
}

async function look(): Promise<void> {
  try {
    const [figures, health] = await Promise.all([
      get<Figures>("/broker/metrics"),
      get<{
        sources: Record<string, string>;
        notices?: { exchange: string; reason: string | null }[];
      }>("/health"),
    ]);
    if (figures) {
      for (const name of ["clients", "clients_behind", "lag_max", "lost", "reconnects"] as const) {
        show(name, String(figures[name]));
      }
    }
    $("slowest").replaceChildren(
      ...(figures?.slowest ?? []).map(({ id, state, lag, lost, sent }) => {
        const row = make("tr");
        row.append(...[id, state, lag, lost, sent].map((one, at) => cellOf(String(one), at > 1)));
        return row;
      }),
    );
    const sources = { ...health?.sources, ...market.sources };
    $("sources").replaceChildren(
      ...Object.entries(sources).map(([name, state]) => {
        const ages = (figures?.streams ?? []).filter(({ exchange }) => exchange === name);
        const age = Math.min(...ages.map(({ age_ms }) => age_ms));
        const gaps = (figures?.gaps ?? []).filter(({ exchange }) => exchange === name);
        const lost = gaps.reduce((sum, { count }) => sum + count, 0);
        const skew = figures?.skew_ms[name];
        const row = make("tr");
        const texts = [name, state, Number.isFinite(age) ? duration(age) : "-", String(lost)];
        row.append(
          ...[...texts, skew == null ? "-" : `${skew} ms`].map((text, at) => cellOf(text, at > 1)),
        );
        row.dataset["source"] = name;
        if (!isWell(state)) (row.children[1] as HTMLElement).className = "sell";
        return row;
      }),
    );
    const notices = (health?.notices ?? []).map(({ exchange, reason }) =>
      make("li", `${exchange}: ${reason}`),
    );
    $("notices").replaceChildren(...notices);
  } catch {
    // The server does not answer, which the state of the connection says already.
  }
}
setInterval(() => {
  if (!document.hidden) void look();
}, 2_000);

// A stream of one's own ---------------------------------------------------------------------------

const request = $<HTMLInputElement>("request");
const start = $<HTMLButtonElement>("start");
let asked = 0;
let typed: ReturnType<typeof setTimeout> | undefined;
let own: { made: Made; stream: Stream } | undefined;

request.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(() => void understand(), 200);
});

for (const example of $("examples").querySelectorAll("button")) {
  example.addEventListener("click", () => {
    request.value = example.textContent ?? "";
    request.focus();
    void understand();
  });
}

async function understand(): Promise<void> {
  const text = request.value.trim();
  const mine = ++asked;
  $("examples").hidden = text !== "";
  if (text === "") {
    for (const id of ["words", "understood", "choices", "problem"]) $(id).replaceChildren();
    start.disabled = true;
    return;
  }
  try {
    const { understood } = await client().parse(text);
    // A later text may have been answered before.
    if (mine === asked) account(text, understood as Understood);
  } catch (error) {
    if (mine !== asked) return;
    start.disabled = true;
    if (error instanceof ApiError && error.status === 401) askForKey(error.message);
    else say($("problem"), error instanceof Error ? error.message : String(error));
  }
}

function account(text: string, understood: Understood): void {
  say($("problem"), "");
  $("words").replaceChildren(
    ...words(understood).flatMap(({ text: word, how, means }) => {
      const element = make("span", word);
      element.className = "word";
      element.dataset["how"] = how;
      if (means) element.append(make("small", ` ${how === "default" ? "assumed " : ""}${means}`));
      return [element, " "];
    }),
  );
  const rest = [
    ...understood.questions,
    ...understood.problems.filter((one) => !understood.questions.includes(one)),
  ];
  say($("understood"), [understood.sentence, ...rest].join(" "));
  $("choices").replaceChildren(
    ...choices(text, understood).map((choice) => {
      const button = make("button", choice.label);
      button.type = "button";
      button.addEventListener("click", () => {
        request.value = choice.request;
        request.focus();
        void understand();
      });
      return button;
    }),
  );
  start.disabled = !understood.can_start;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!start.disabled) void startStream(request.value.trim());
});

async function startStream(text: string): Promise<void> {
  start.disabled = true;
  say($("problem"), "");
  try {
    const made = await client().create(text);
    void own?.stream.close();
    chart.clearWindows();
    const path = `/ws/${made.stream_id}?token=`;
    const renew = async () =>
      socketUrl(path + encodeURIComponent((await client().token(made.stream_id)).token));
    const stream = new Stream(
      new URL(path + encodeURIComponent(made.access_token), location.href),
      { renew },
    );
    own = { made, stream };
    snippets(text, made);
    $("made").hidden = false;
    $("made-title").focus();
    const [symbol] =
      (made.understood as Understood | null)?.account.filter(({ slot }) => slot === "symbol") ?? [];
    if (symbol && typeof symbol.value === "string") {
      $<HTMLInputElement>("symbol").value = symbol.value;
      void follow();
    }
    void windows(stream);
  } catch (error) {
    say($("problem"), error instanceof Error ? error.message : String(error));
  }
  start.disabled = false;
}

async function windows(stream: Stream): Promise<void> {
  try {
    for await (const event of stream) {
      if (event.type === "gap") market.take(event, Date.now());
      if (event.type !== "window") continue;
      show("window", event.ts);
      show("price_avg", figure(event.price_avg));
      show("volume_sum", figure(event.volume_sum));
      show("window_trades", figure(event.raw_data["trades"] as number));
      show("window_seq", figure(event.seq));
      if (event.price_avg !== null) {
        chart.window({ time: Math.floor(Date.parse(event.ts) / 1000), value: event.price_avg });
      }
      if (event.raw_data["incomplete"])
        market.note("late", Date.parse(event.ts), `window ${event.ts} is incomplete`);
    }
  } catch (error) {
    if (own?.stream === stream)
      say($("problem"), error instanceof Error ? error.message : String(error));
  }
}

/** Text in the quotes of a shell, as JSON is of Python and JavaScript. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function snippets(text: string, { ws_url }: Made): void {
  const body = JSON.stringify({ natural_language: text });
  const header = key === undefined ? "" : " -H 'X-API-Key: …'";
  say(
    $("snippet-curl"),
    `curl -X POST ${location.origin}/v1/streams -H 'Content-Type: application/json'${header} -d ${quoted(body)}`,
  );
  say(
    $("snippet-python"),
    `from kk0 import Stream\n\nfor event in Stream(${JSON.stringify(ws_url)}):\n  print(event)`,
  );
  say(
    $("snippet-js"),
    `import { Stream } from "kk0";\n\nfor await (const event of new Stream(${JSON.stringify(ws_url)})) {\n  console.log(event);\n}`,
  );
}

$("copy-url").addEventListener("click", () => void copy());

async function copy(): Promise<void> {
  if (!own) return;
  try {
    await navigator.clipboard.writeText(own.made.ws_url);
    say($("copied"), "copied");
  } catch {
    say($("copied"), "this browser does not let a page copy; it is in the Python lines below");
  }
}

$("stop").addEventListener("click", () => void end());

async function end(): Promise<void> {
  if (!own) return;
  const { made, stream } = own;
  own = undefined;
  await stream.close();
  $("made").hidden = true;
  request.focus();
  try {
    await client().delete(made.stream_id);
  } catch (error) {
    say($("problem"), error instanceof Error ? error.message : String(error));
  }
}

void follow();
void look();
requestAnimationFrame(draw);
