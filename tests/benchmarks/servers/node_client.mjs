// Reads what node_trades.mjs sends, with the package kk0 or with a bare loop of ws, and says what
// that cost after a second of warming up: microseconds of processor an event, and how old they were.
import { createRequire } from "node:module";

const [FOLDER, PORT, KIND, EVENTS, SKIP] = process.argv.slice(2);
const require = createRequire(FOLDER + "/package.json");
const WebSocket = require("ws");
const url = `ws://127.0.0.1:${PORT}/stream`;
const ages = [];
let count = 0;
let price = 0;
let cpu;

/** Counts an event; whether it was the last. */
function took(event) {
  price += event.price;
  if (++count === Number(SKIP)) cpu = process.cpuUsage();
  if (count > SKIP && count % 100 === 0) {
    ages.push((performance.timeOrigin + performance.now()) * 1000 - event.ts_internal);
  }
  return count === Number(EVENTS);
}

function done() {
  const { user, system } = process.cpuUsage(cpu);
  ages.sort((a, b) => a - b);
  const at = (part) => Math.round(ages[Math.floor(ages.length * part)]) / 1000;
  const events = EVENTS - SKIP;
  console.log(JSON.stringify({ us: (user + system) / events, p50: at(0.5), p99: at(0.99), price }));
  process.exit(0);
}

if (KIND === "kk0") {
  const { Stream } = require(FOLDER + "/dist/index.cjs");
  for await (const event of new Stream(url, { WebSocket }).subscribe({ channels: "trades" })) {
    if (event.type === "trade" && took(event)) done();
  }
} else {
  const socket = new WebSocket(url);
  socket.on("open", () => socket.send('{"type":"subscribe","id":0,"channels":["trades"]}'));
  socket.on("message", (data) => {
    const event = JSON.parse(data);
    if (event.type === "trade" && took(event)) done();
  });
}
