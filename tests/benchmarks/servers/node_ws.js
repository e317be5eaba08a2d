// node's ws: every message is sent to every client. Follows tests/benchmarks/servers/offered.py.
// Sockets are corked for a turn, so that its messages leave in one write: four times as fast as not.
"use strict";
const readline = require("node:readline");
const { WebSocketServer } = require("ws");

const [SIZE, FIRST, TURN_MS, MAX_LATE_MS] = process.argv.slice(2).map(Number);
let rate = 0, next = 0, published = 0;
let answers = [];

function turn() {
  answers = answers.filter((answer) => !answer());
  if (!rate) return;
  const now = performance.now();
  next = Math.max(next, now - Math.max(MAX_LATE_MS, 2000 / rate));
  const due = Math.floor(((now - next) * rate) / 1000);
  next += (due * 1000) / rate;
  const messages = [];
  for (let i = 0; i < due; i++, published++) {
    const us = Math.round((performance.timeOrigin + performance.now()) * 1000);
    const start =
      '{"type":"custom","exchange":"bench","symbol":"BTC/USDT","event_type":"load",' +
      `"data":{"n":${FIRST + published},"ts":${us}000,"pad":"`;
    messages.push(Buffer.from(start.padEnd(SIZE - 3, "x") + '"}}'));
  }
  for (const client of server.clients) {
    client._socket.cork();
    for (const message of messages) client.send(message, { binary: false });
    client._socket.uncork();
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1024 });
server.on("listening", () => {
  console.log(JSON.stringify({ port: server.address().port }));
  setInterval(turn, TURN_MS);
});

const input = readline.createInterface({ input: process.stdin });
input.on("line", (line) => {
  rate = JSON.parse(line).rate;
  next = performance.now();
  answers.push(() => {
    console.log(JSON.stringify({ published }));
    return true;
  });
});
input.on("close", () => process.exit(0));
