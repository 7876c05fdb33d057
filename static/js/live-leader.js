// Where there is no SharedWorker (Android): one of the pages holds the connection. Who holds the lock leads; when that
// page goes, however it goes, the browser gives the lock to the next one.

const waiting = new Set(); // names whose lock this page holds or waits for

/** Lead when nobody else does. */
export function lead(name) {
  if (waiting.has(name)) return;
  waiting.add(name);
  request(name, {});
}

/** Lead at once: whoever does has not answered. */
export function steal(name) {
  waiting.add(name);
  request(name, { steal: true });
}

async function request(name, options) {
  let hub = null;
  try {
    await navigator.locks.request(name, options, () => {
      hub = hubOf(name);
      return new Promise(() => undefined); // as long as this page lives
    });
  } catch {
    waiting.delete(name); // another page took it from us: we had been frozen
    (await hub)?.close();
  }
}

// Loaded by those who lead alone.
async function hubOf(name) {
  const { Hub } = await import("./live-hub.js");
  const hub = new Hub(JSON.parse(name));
  const channel = new BroadcastChannel(name);
  const guests = new Map(); // by the name a page's port gave itself
  channel.onmessage = ({ data: { from, content } }) => {
    if (!from) return;
    if (!guests.has(from)) guests.set(from, { post: (answer) => channel.postMessage({ to: from, content: answer }) });
    hub.take(guests.get(from), content);
    if (content.leave) guests.delete(from);
  };
  channel.postMessage({ leads: true });
  return {
    close() {
      channel.close();
      hub.close();
    },
  };
}

/** A page's way to whichever page leads. */
export class ChannelPort {
  onmessage = () => undefined;
  onlost = () => undefined;
  #name = crypto.randomUUID();
  #channel;
  #first = null;

  constructor(name) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
  }

  post(content) {
    if (content.join) this.#first = content;
    this.#channel.postMessage({ from: this.#name, content });
  }

  close() {
    this.#channel.close();
  }

  #heard({ to, content, leads }) {
    if (to === this.#name) {
      this.#first = null;
      this.onmessage(content);
    } else if (leads) {
      // A new one, who knows nothing of us: join again, or say it now if nobody has answered yet.
      if (this.#first) this.post(this.#first);
      else this.onlost();
    }
  }
}
