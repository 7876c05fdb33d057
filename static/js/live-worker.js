// The SharedWorker that holds the connection of a browser's pages; its name says which one.

import { Hub } from "./live-hub.js";

const hub = new Hub(JSON.parse(self.name));

// Held as long as the worker lives: it may die with the process of the page that started it, and nobody is told. Locks are
// of secure pages only; others learn it by their next ping.
const life = `${self.name} ${Math.random()}`;
const alive = new Promise((held) => {
  navigator.locks?.request(life, () => {
    held();
    return new Promise(() => undefined);
  });
});

self.onconnect = ({ ports: [port] }) => {
  alive.then(() => port.postMessage({ life }));
  const guest = { post: (content) => port.postMessage(content) };
  port.onmessage = ({ data }) => hub.take(guest, data);
};
