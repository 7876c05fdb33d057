// One way between two browsers: a WebRTC data channel. The sender of the files offers it and nobody else, so that the two
// never offer at once; what comes before it can be taken waits.

export const FIND_MS = 20_000; // then there is none
const MOST_UNSENT_BYTES = 1024 * 1024; // Chromium closes a channel that has much more to send
const LOOK_MS = 200; // some browsers forget to say that there is room again

export class Link {
  #connection;
  #channel = null;
  #signal;
  #told;
  #attempt;
  #early = []; // candidates of the other end, before its description
  #own = []; // and ours
  #isDescribed = false;
  #isOver = false;
  #turn = Promise.resolve();
  #deadline;

  /**
   * `signal(content)` tells the other end; `told` is {open(), message(data), lost({wasOpen})}.
   * With `offers` it begins at once.
   */
  constructor({ ways, attempt, offers, signal, told }) {
    this.#signal = signal;
    this.#told = told;
    this.#attempt = attempt;
    this.#connection = new RTCPeerConnection({ iceServers: ways });
    this.#connection.onicecandidate = ({ candidate }) => candidate && this.#tell(candidate.toJSON());
    this.#connection.onconnectionstatechange = () => {
      if (["failed", "closed"].includes(this.#connection.connectionState)) this.#lost();
    };
    this.#deadline = setTimeout(() => this.#lost(), FIND_MS);
    if (offers) this.#offer();
    else this.#connection.ondatachannel = ({ channel }) => this.#use(channel);
  }

  get attempt() {
    return this.#attempt;
  }

  get isOpen() {
    return this.#channel?.readyState === "open";
  }

  /** What the other end signals. */
  heard(signal) {
    this.#next(async () => {
      if (signal.kind === "candidate") return this.#reached(signal);
      await this.#connection.setRemoteDescription({ type: signal.type, sdp: signal.sdp });
      if (signal.type === "offer") {
        await this.#connection.setLocalDescription(await this.#connection.createAnswer());
        this.#describe();
      }
      const early = this.#early;
      this.#early = [];
      for (const each of early) await this.#reached(each);
      return undefined;
    });
  }

  send(data) {
    if (this.isOpen) this.#channel.send(data);
  }

  /** Waits until more may be sent; false when the way is gone. */
  async room() {
    while (this.isOpen && this.#channel.bufferedAmount > MOST_UNSENT_BYTES) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        this.#channel.onbufferedamountlow = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.isOpen;
  }

  /** Nothing is told afterwards. */
  close() {
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#channel?.close();
    this.#connection.close();
  }

  #offer() {
    this.#use(this.#connection.createDataChannel("files", { ordered: true }));
    this.#next(async () => {
      await this.#connection.setLocalDescription(await this.#connection.createOffer());
      this.#describe();
    });
  }

  #describe() {
    const { type, sdp } = this.#connection.localDescription;
    this.#signal({ kind: "description", attempt: this.#attempt, type, sdp });
    this.#isDescribed = true;
    const own = this.#own;
    this.#own = [];
    own.forEach((each) => this.#tell(each));
  }

  #tell(candidate) {
    if (!this.#isDescribed) return void this.#own.push(candidate);
    const { sdpMid: mid, sdpMLineIndex: line } = candidate;
    if (candidate.candidate) this.#signal({ kind: "candidate", attempt: this.#attempt, candidate: candidate.candidate, mid, line });
  }

  async #reached(signal) {
    if (!this.#connection.remoteDescription) return void this.#early.push(signal);
    const { candidate, mid: sdpMid, line: sdpMLineIndex } = signal;
    await this.#connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex }).catch(() => undefined); // one way less
  }

  #use(channel) {
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = MOST_UNSENT_BYTES / 4;
    let isOpen = false;
    const opened = () => {
      if (isOpen || this.#isOver) return; // one that is open already says so once more
      isOpen = true;
      clearTimeout(this.#deadline);
      this.#told.open();
    };
    channel.onopen = opened;
    channel.onmessage = ({ data }) => !this.#isOver && this.#told.message(data);
    channel.onclose = () => this.#lost();
    if (channel.readyState === "open") opened();
  }

  #lost() {
    if (this.#isOver) return;
    this.close();
    this.#told.lost();
  }

  // One after the other: descriptions and candidates come faster than they are taken.
  #next(act) {
    this.#turn = this.#turn.then(() => (this.#isOver ? undefined : act())).catch(() => this.#lost());
  }
}
