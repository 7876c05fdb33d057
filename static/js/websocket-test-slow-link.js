// Connections that are read only when told to. A `WebSocket` reads whatever comes, so that no server ever notices a slow
// page: `WebSocketStream` (Chromium) and the stream of a `fetch` (everywhere) leave unread data with the server.

import { at } from "./addresses.js";

const START_TIMEOUT_MS = 10_000;

/** What this browser can do, the better one first. */
export const transports = ["WebSocketStream" in window ? "websocket" : null, "sse"].filter(Boolean);

/** Open, read up to the first message and no further. */
export const openSlowly = (transport, clientId) => (transport === "sse" ? SlowEvents.open(clientId) : SlowSocket.open(clientId));

class SlowSocket {
  #stream;
  #reader;
  #writer;

  static async open(clientId) {
    const address = new URL(at(`/ws/${clientId}`), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const link = new SlowSocket();
    link.#stream = new WebSocketStream(address.href, { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    link.#stream.closed.catch(() => undefined); // asked for in `readOn`
    const { readable, writable } = await link.#stream.opened;
    link.#reader = readable.getReader();
    link.#writer = writable.getWriter();
    await link.#reader.read();
    return link;
  }

  send(text) {
    return this.#writer.write(text).catch(() => undefined); // closed meanwhile: whoever looks sees it
  }

  /** Take what is left, up to the close frame; `{code, reason}`, or null when it was cut off. */
  async readOn(milliseconds) {
    const end = AbortSignal.timeout(milliseconds);
    try {
      while (!end.aborted && !(await this.#reader.read()).done);
      const { closeCode, reason } = await this.#stream.closed;
      return { code: closeCode, reason };
    } catch ({ closeCode, reason }) {
      return closeCode ? { code: closeCode, reason } : null;
    }
  }

  close() {
    this.#stream.close();
  }
}

class SlowEvents {
  #clientId;
  #reader;
  #stopped = new AbortController();
  #text = "";

  static async open(clientId) {
    const link = new SlowEvents();
    link.#clientId = clientId;
    const response = await fetch(at(`/events?client_id=${clientId}`), {
      headers: { Accept: "text/event-stream" },
      signal: link.#stopped.signal,
    });
    if (!response.ok) throw new Error((await response.json().catch(() => null))?.detail ?? response.statusText);
    link.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    await link.#read();
    return link;
  }

  async send(text) {
    await fetch(at(`/events/${this.#clientId}`), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: text,
    }).catch(() => undefined);
  }

  async readOn() {
    try {
      while (!(await this.#read()));
    } catch {
      return null;
    }
    const event = this.#text.match(/event: ?close\n(?:id:.*\n)?data: ?(.*)/);
    return event ? JSON.parse(event[1]) : null;
  }

  close() {
    this.#stopped.abort();
  }

  // The end of the text is enough: the last event says why.
  async #read() {
    const { done, value } = await this.#reader.read();
    this.#text = (this.#text + (value ?? "")).slice(-2_000);
    return done;
  }
}
