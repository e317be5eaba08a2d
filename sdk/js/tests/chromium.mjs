/**
 * Runs the behaviours in a real browser, with the built package: `node tests/chromium.mjs PROGRAM`.
 * This process serves a page that has them, keeps the proxies, and is told how each ended.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Proxy, serve } from "./harm.mjs";

const WITHIN = 300_000;
const FILES = {
  "/": ["text/html", "tests/browser/index.html"],
  "/main.mjs": ["text/javascript", "tests/browser/main.mjs"],
  "/assert.mjs": ["text/javascript", "tests/browser/assert.mjs"],
  "/behaviours.mjs": ["text/javascript", "tests/behaviours.mjs"],
  "/kk0.js": ["text/javascript", "dist/index.js"],
};
const [program] = process.argv.slice(2);
const proxies = [];
const ended = [];
let server;
let done;
const over = new Promise((resolve) => (done = resolve));

/** What the page asks of this process. */
const ROUTES = {
  server: () => ({ port: server.port, api: server.api, url: server.url }),
  proxy: async () => {
    proxies.push(await new Proxy(server.port).start());
    return { id: proxies.length - 1, port: proxies.at(-1).port };
  },
  state: ({ id }) => ({ connections: proxies[id].connections, open: proxies[id].open }),
  harm: ({ id, what }) => proxies[id].harm(what),
  stop: ({ id }) => proxies[id].stop(),
  ended: ({ name, error, took }) => {
    console.log(error === undefined ? `ok ${name} (${took} ms)` : `not ok ${name}: ${error}`);
    ended.push(error === undefined);
  },
  done: () => done(),
};

const pages = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (request.method === "POST") {
    let body = "";
    for await (const part of request) body += part;
    const answer = await ROUTES[pathname.slice(1)](JSON.parse(body));
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer ?? null));
  } else if (FILES[pathname]) {
    const [type, path] = FILES[pathname];
    response.setHeader("Content-Type", type).end(await readFile(path));
  } else {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;
server = await serve(["--origin", origin, "--api-origin", origin]);
const profile = await mkdtemp(join(tmpdir(), "bond-chromium-"));
const browser = spawn(
  program,
  ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, `${origin}/`],
  { stdio: "ignore" },
);
process.on("exit", () => browser.kill());
const late = setTimeout(() => done("it does not end"), WITHIN);
browser.on("error", (error) => done(String(error)));
browser.on("exit", (code) => done(`the browser ended with ${code}`));
const problem = await over;
clearTimeout(late);
browser.removeAllListeners("exit");
if (browser.exitCode === null && browser.pid) {
  const gone = new Promise((resolve) => browser.on("exit", resolve));
  browser.kill();
  await gone;
}
await server.stop();
await rm(profile, { recursive: true, force: true, maxRetries: 5 });
if (problem) console.log(`not ok: ${problem}`);
const failed = ended.filter((well) => !well).length;
console.log(`${ended.length - failed} passed, ${failed} failed`);
process.exit(problem || failed || ended.length === 0 ? 1 : 0);
