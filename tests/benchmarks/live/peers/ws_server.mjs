// Node with `ws`, as its documentation broadcasts.
import readline from "node:readline";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1024, perMessageDeflate: false }, () =>
  say({ port: server.address().port }),
);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const processor = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };

server.on("connection", (socket) => socket.on("error", () => {}));

async function broadcast(rounds, size) {
  const text = "x".repeat(size);
  const [began, cpu] = [seconds(), processor()];
  for (let round = 0; round < rounds; round++) {
    for (const client of server.clients) client.send(text);
    await new Promise(setImmediate);
  }
  return { began, wall: seconds() - began, cpu: processor() - cpu };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, rounds, size, count] = line.split(" ");
  say(await broadcast(command === "coalesced" ? rounds * count : Number(rounds), Number(size)));
}
process.exit(0);
