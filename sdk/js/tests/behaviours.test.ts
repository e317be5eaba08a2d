/** What a stream promises, here against the sources; tests/run.mjs runs the built package. */
import { afterAll, beforeAll, test } from "vitest";
import WebSocket from "ws";
import * as kk0 from "../src/index.js";
import { behaviours } from "./behaviours.mjs";
import { behave, serve } from "./harm.mjs";

let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  server = await serve();
});

afterAll(async () => {
  await server.stop();
});

// Most of them wait: all at once they take no longer than the longest.
test.concurrent.each(Object.entries(behaviours))("%s", async (_, behaviour) => {
  await behave(behaviour, server, kk0, WebSocket);
});
