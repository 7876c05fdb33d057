// The two ways to the live layer, alike from outside: `name`, `isOpen`, `send(text)`, `close(code)`, and four functions
// to be set: `onopen()`, `onmessage(text)`, `onclose({code, reason})`, `onrefused(text, {code, message})`.

import { CONNECTION_LIMIT, FORBIDDEN, LOST, SIGNED_OUT } from "./live-codes.js";
import { report } from "./live-host.js";

// What an HTTP status means in the close codes of the protocol; every other is a failure that may pass.
const CODES = { 204: SIGNED_OUT, 401: SIGNED_OUT, 403: FORBIDDEN, 429: CONNECTION_LIMIT };

export class Transport {
  onopen = () => undefined;
  onmessage = () => undefined;
  onclose = () => undefined;
  onrefused = () => undefined;
}

/** A WebSocket. `token`, if there is one, is the first message. */
export class SocketTransport extends Transport {
  name = "websocket";
  #socket;

  constructor(address, token) {
    super();
    this.#socket = new WebSocket(address);
    this.#socket.addEventListener("open", () => this.#introduce(token));
    this.#socket.addEventListener("message", (event) => this.onmessage(event.data));
    this.#socket.addEventListener("close", ({ code, reason }) => this.onclose({ code, reason }));
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(text) {
    if (this.isOpen) this.#socket.send(text);
    return this.isOpen;
  }

  close(code = 1000) {
    this.#socket.close(code);
  }

  async #introduce(token) {
    this.onopen();
    try {
      const found = await token();
      if (found) this.send(JSON.stringify({ type: "auth", token: found }));
    } catch (error) {
      this.close();
      report(error);
    }
  }
}

/**
 * Server-sent events, and a request for each command. Read by `fetch`: an `EventSource` can neither send a token nor
 * say why it was refused, and comes back when it likes.
 */
export class EventTransport extends Transport {
  name = "sse";
  isOpen = false;
  #commands;
  #token;
  #over = new AbortController();
  #turn = Promise.resolve(); // commands leave one after the other, as they would on a socket

  constructor(stream, commands, token) {
    super();
    this.#commands = commands;
    this.#token = token;
    this.#read(stream);
  }

  send(text) {
    if (this.isOpen) this.#turn = this.#turn.then(() => this.#post(text));
    return this.isOpen;
  }

  close() {
    this.isOpen = false;
    this.#over.abort();
  }

  async #read(address) {
    try {
      const response = await this.#fetch(address, { headers: { Accept: "text/event-stream" } });
      const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
      if (response.status !== 200 || !isStream) return this.#end(await refusalOf(response));
      this.isOpen = true;
      this.onopen();
      for await (const { name, data } of eventsOf(response.body)) {
        if (this.#over.signal.aborted) return undefined;
        if (name === "close") return this.#end(JSON.parse(data));
        this.onmessage(data);
      }
    } catch (error) {
      if (!isNetworkError(error)) report(error);
    }
    return this.#end({ code: LOST });
  }

  async #post(text) {
    if (this.#over.signal.aborted) return;
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await this.#fetch(this.#commands, { method: "POST", headers, body: text });
      if (response.ok) return;
      // 404: the server knows no such stream any more, though we may not have noticed
      if ([401, 404].includes(response.status)) this.#end({ code: CODES[response.status] ?? LOST });
      else this.onrefused(text, await problemOf(response));
    } catch {
      this.#end({ code: LOST });
    }
  }

  async #fetch(address, { headers, ...options }) {
    const token = await this.#token();
    if (token) headers.Authorization = `Bearer ${token}`;
    return fetch(address, { ...options, headers, cache: "no-store", signal: this.#over.signal });
  }

  #end({ code, reason = "" }) {
    if (this.#over.signal.aborted) return;
    this.close();
    this.onclose({ code, reason });
  }
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
async function* eventsOf(body) {
  let rest = "";
  let event = { name: "message", data: [] };
  for await (const text of textsOf(body)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value] = /^([^:]*)(?:: ?(.*?))?\r?$/s.exec(line);
      if (field === "data") event.data.push(value);
      else if (field === "event") event.name = value;
      else if (line.trim() === "") {
        if (event.data.length) yield { name: event.name, data: event.data.join("\n") };
        event = { name: "message", data: [] };
      }
    }
  }
}

// Not every browser can iterate over a stream itself.
async function* textsOf(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return { code: problem.code ?? `http_${response.status}`, message: problem.detail ?? response.statusText };
}

async function refusalOf(response) {
  const code = CODES[response.status] ?? LOST;
  return { code, reason: code === CONNECTION_LIMIT ? (await problemOf(response)).message : "" };
}

// `fetch` and its streams fail with a TypeError when the network does, with an AbortError when we end them.
const isNetworkError = (error) => error instanceof TypeError || error.name === "AbortError";
