// The whole path with node's ws: a venue's trades, normalised, to everybody.
// usage: node node_path.js VENUE_PORT. What comes in one turn of the loop leaves in one write, or in
// several: node reads megabytes in one turn when it is behind, and would write nothing meanwhile.
"use strict";
const { WebSocket, WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1024 });
const WRITTEN_TOGETHER = 64;
let sequence = 0;
let messages = [];

function flush() {
  const batch = messages;
  messages = [];
  for (const client of server.clients) {
    client._socket.cork();
    for (const message of batch) client.send(message, { binary: false });
    client._socket.uncork();
  }
}

function normalise(frame) {
  const trade = JSON.parse(frame).data;
  if (!messages.length) setImmediate(flush);
  // The keys of a Bond trade, so that both send the same.
  messages.push(Buffer.from(JSON.stringify({
    type: "trade", exchange: "binance", symbol: "BTC/USDT", ts_event: Date.now(),
    ts_exchange: trade.T, market_type: "spot", raw: null,
    ts_internal: Math.round(performance.now() * 1e6), seq_internal: ++sequence,
    price: Number(trade.p), size: Number(trade.q), side: trade.m ? "sell" : "buy",
    trade_id: String(trade.t), match_id: null, agg_trade_id: null, maker: trade.m, liquidity: null,
    order_id: null, client_order_id: null, is_liquidation: null, is_block: null, is_odd_lot: null,
    fee: null, fee_currency: null, sequence: trade.t, expiry: null,
  })));
  if (messages.length === WRITTEN_TOGETHER) flush();
}

server.on("listening", () => {
  const url = `ws://127.0.0.1:${process.argv[2]}/spot/stream?streams=btcusdt@trade`;
  const venue = new WebSocket(url, { perMessageDeflate: false });
  venue.on("open", () => console.log(JSON.stringify({ port: server.address().port })));
  venue.on("message", normalise);
});
process.stdin.on("end", () => process.exit(0)).resume();
