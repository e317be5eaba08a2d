/** What a stream promises, here against the sources; tests/behaviours.mjs runs it anywhere. */
import { afterAll, beforeAll, test } from "vitest";
import WebSocket from "ws";
import * as kk0 from "../src/index.js";
import { behave, behaviours } from "./behaviours.mjs";
import { serve } from "./harm.mjs";

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
