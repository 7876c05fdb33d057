// Where each way to the server leads to, and with what: who we are, in which language, and from where on.

import { base } from "./live-host.js";
import { EventTransport, SocketTransport } from "./live-transports.js";

export class Addresses {
  #options;
  #seen;

  /** `options` of a `LiveClient`; `seen` knows what has come already. */
  constructor(options, seen) {
    this.#options = options;
    this.#seen = seen;
  }

  /** A transport that is on its way there. */
  open(way) {
    const { url, clientId } = this.#options;
    const token = async () => (typeof this.#options.token === "function" ? this.#options.token() : this.#options.token);
    const own = encodeURIComponent(clientId);
    if (way === "websocket") {
      const address = this.#address(`${url}/${own}`, { format: "array" });
      address.protocol = address.protocol.replace("http", "ws");
      return new SocketTransport(address, token);
    }
    const events = new URL("events", new URL(url, base()));
    events.protocol = events.protocol.replace("ws", "http");
    return new EventTransport(this.#address(events, { client_id: clientId }), `${events.href}/${own}`, token);
  }

  #address(url, parameters) {
    const address = new URL(url, base());
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    if (this.#options.language) address.searchParams.set("lang", this.#options.language);
    if (this.#seen.position) address.searchParams.set("since", this.#seen.position);
    return address;
  }
}
