/** A real `bond serve --sim`, and a proxy before it that harms connections. */
import { spawn } from "node:child_process";
import { createServer, connect } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/**
 * Starts a server on free ports: simulated venues, a heartbeat a second, tokens of two seconds.
 * BOND is the command, its words in JSON; without it that of the repository's own environment.
 * `more` are options.
 */
export async function serve(more = []) {
  const [program, ...first] = process.env.BOND
    ? JSON.parse(process.env.BOND)
    : [join(ROOT, ".venv/bin/bond")];
  const options = "--sim --memory --port 0 --api-port 0 --heartbeat 1s --token-ttl 2s".split(" ");
  const child = spawn(
    program,
    [...first, "serve", ...options, ...more, join(ROOT, "examples/unified.yaml")],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  const port = await new Promise((resolve, reject) => {
    child.stderr.on("data", (data) => {
      said += data;
      const broker = /broker: ws:\/\/127\.0\.0\.1:(\d+)/.exec(said);
      const api = /api: (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
      if (broker && api) resolve({ broker: Number(broker[1]), api: api[1] });
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`bond serve ended with ${code}: ${said}`)));
  });
  return {
    port: port.broker,
    api: port.api,
    url: `ws://127.0.0.1:${port.broker}/stream`,
    async stop() {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill();
      await ended;
    },
  };
}

/**
 * Stands between clients and a server. `cut` breaks every connection at once; `stall` leaves them
 * open and passes on nothing more, as when a cable is pulled; `corrupt` damages what comes next.
 */
export class Proxy {
  connections = 0;
  #port;
  #server;
  #open = new Set();

  constructor(port) {
    this.#port = port;
  }

  get open() {
    return this.#open.size;
  }

  get port() {
    return this.#server.address().port;
  }

  async start() {
    this.#server = createServer((client) => this.#carry(client));
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  harm(what) {
    this[what]();
  }

  cut() {
    for (const one of this.#open) one.end();
  }

  stall() {
    for (const one of this.#open) one.stalled = true;
  }

  corrupt() {
    for (const one of this.#open) one.corrupted = true;
  }

  #carry(client) {
    this.connections++;
    const server = connect(this.#port, "127.0.0.1");
    const one = {
      stalled: false,
      corrupted: false,
      end: () => {
        this.#open.delete(one);
        client.destroy();
        server.destroy();
      },
    };
    this.#open.add(one);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      from.on("data", (data) => {
        if (one.stalled) return;
        if (one.corrupted && from === server) data = data.map((byte) => byte ^ 0x15);
        to.write(data);
      });
      from.on("error", one.end);
      from.on("close", one.end);
    }
  }
}

/** One behaviour at a server, with a proxy of its own. */
export async function behave(behaviour, server, kk0, WebSocket) {
  const proxy = await new Proxy(server.port).start();
  try {
    await behaviour({ kk0, proxy, WebSocket, url: server.url, api: server.api });
  } finally {
    await proxy.stop();
  }
}
