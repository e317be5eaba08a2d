// Trades at a steady rate for whoever subscribes: the other side of tests/benchmarks/js_client.py.
// Each says in `ts_internal` when it was sent, in microseconds.
import { createRequire } from "node:module";

const [FOLDER, RATE, SECONDS] = process.argv.slice(2);
const { WebSocketServer } = createRequire(FOLDER + "/package.json")("ws");
const TURN_MS = 5;

const trade = (seq, us) =>
  `{"type":"trade","exchange":"binance","symbol":"BTC/USDT","ts_event":1732300000130,` +
  `"ts_exchange":1732300000122,"market_type":"spot","raw":null,"ts_internal":${us},` +
  `"seq_internal":${seq},"price":98123.45,"size":0.00123,"side":"sell","trade_id":"${seq}",` +
  `"match_id":null,"agg_trade_id":null,"maker":true,"liquidity":null,"order_id":null,` +
  `"client_order_id":null,"is_liquidation":null,"is_block":null,"is_odd_lot":null,"fee":null,` +
  `"fee_currency":null,"sequence":null,"expiry":null}`;

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));
server.on("connection", (client) => {
  client.once("message", () => {
    const ack = { type: "system", status: "subscribed", id: 0, epoch: "e", seq: 0, recovered: null };
    client.send(JSON.stringify({ ...ack, subscriptions: [], rejected: [] }));
    const began = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.min(RATE * SECONDS, Math.floor(((performance.now() - began) * RATE) / 1000));
      const us = Math.round((performance.timeOrigin + performance.now()) * 1000);
      // Its messages leave in one write.
      client._socket.cork();
      while (sent < due) client.send(trade(++sent, us));
      client._socket.uncork();
      if (sent === RATE * SECONDS) clearInterval(timer);
    }, TURN_MS);
    client.on("close", () => clearInterval(timer));
  });
});
