/** Runs the behaviours in Node, Deno or Bun, with the built package: `node tests/run.mjs`. */
import process from "node:process";
import * as kk0 from "../dist/index.js";
import { behaviours } from "./behaviours.mjs";
import { behave, serve } from "./harm.mjs";

const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
const server = await serve();
let failed = 0;
for (const [name, behaviour] of Object.entries(behaviours)) {
  const began = performance.now();
  try {
    await behave(behaviour, server, kk0, WebSocket);
    console.log(`ok ${name} (${Math.round(performance.now() - began)} ms)`);
  } catch (error) {
    failed++;
    console.log(`not ok ${name}`, error);
  }
}
await server.stop();
console.log(`${Object.keys(behaviours).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
