/** Runs the behaviours in a page; chromium.mjs keeps the proxies. */
import { behaviours } from "/behaviours.mjs";
import * as kk0 from "/kk0.js";

async function ask(route, body = {}) {
  const answer = await fetch(`/${route}`, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
}

/** A proxy of the other process; what it counts is looked up all the time. */
class Proxy {
  connections = 0;
  open = 0;
  #id;
  #runs = true;

  async start() {
    const { id, port } = await ask("proxy");
    this.#id = id;
    this.port = port;
    void this.#watch();
    return this;
  }

  async #watch() {
    while (this.#runs) {
      Object.assign(this, await ask("state", { id: this.#id }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  harm(what) {
    void ask("harm", { id: this.#id, what });
  }

  cut() {
    this.harm("cut");
  }

  async stop() {
    this.#runs = false;
    await ask("stop", { id: this.#id });
  }
}

const { url, api } = await ask("server");
for (const [name, behaviour] of Object.entries(behaviours)) {
  const began = performance.now();
  const proxy = await new Proxy().start();
  let error;
  try {
    await behaviour({ kk0, proxy, url, api });
  } catch (failure) {
    error = String(failure?.stack ?? failure);
  }
  await proxy.stop();
  await ask("ended", { name, error, took: Math.round(performance.now() - began) });
}
await ask("done");
