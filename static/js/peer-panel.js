// The cards of transfers, in a corner of every page: who, what, a bar, and what can be done.

import { filesize, t } from "./i18n.js";
import { show } from "./jobs-live.js";

const BARS = { moving: "running", looking: "running", cut: "running", done: "succeeded", failed: "failed", unreachable: "failed" };

export class Card {
  #transfer;
  #acts;
  #element;
  #saved = 0;
  #drawn = false;

  /** `acts` are {gone(), instead}: what happens when it is put away, and the link that helps where no way is found. */
  constructor(transfer, acts) {
    this.#transfer = transfer;
    this.#acts = acts;
    this.#element = document.getElementById("transfer-card").content.cloneNode(true).firstElementChild;
    this.#element.addEventListener("click", (event) => this.#act(event.target.closest("[data-act]")?.dataset.act));
    this.#part("name").textContent = nameOf(transfer.files);
    this.#part("size").textContent = filesize(transfer.files.reduce((sum, { size }) => sum + size, 0));
    this.#part("bar").querySelector("[role=progressbar]").setAttribute("aria-label", nameOf(transfer.files));
    this.#element.setAttribute("aria-label", nameOf(transfer.files));
  }

  draw() {
    if (this.#drawn) return this.#update();
    this.#drawn = true;
    const list = document.getElementById("transfers");
    list.hidden = false;
    list.append(this.#element);
    return setTimeout(() => this.#update()); // what is heard as it changes has to be there before
  }

  #update() {
    const { state, isSending, pace } = this.#transfer;
    const hadFocus = this.#element.contains(document.activeElement);
    this.#element.classList.toggle("toast--success", state === "done");
    this.#element.classList.toggle("toast--danger", ["failed", "unreachable"].includes(state));
    const bar = this.#part("bar");
    bar.hidden = !BARS[state];
    if (BARS[state]) show(bar, pace.job(BARS[state]));
    say(this.#part("said"), saidOf(this.#transfer));
    say(this.#part("asks"), state === "asked" ? asksOf(this.#transfer) : "");
    this.#part("privacy").hidden = state !== "asked";
    const offered = new Set(offeredIn(state, isSending));
    for (const each of this.#element.querySelectorAll("[data-act]")) each.hidden = !offered.has(each.dataset.act);
    const { instead } = this.#acts;
    const link = this.#part("instead");
    link.hidden = !(state === "unreachable" && isSending && instead);
    if (!link.hidden) [link.href, link.textContent] = [instead.href, instead.label];
    const { activeElement: at } = document;
    if (hadFocus && (at.closest("[hidden]") || !this.#element.contains(at))) this.#goOn();
    this.#save();
  }

  // Where the keyboard goes on, when what it was at is no more.
  #goOn() {
    const next = [this.#element, this.#element.nextElementSibling, this.#element.previousElementSibling];
    const act = next.map((each) => each?.querySelector("[data-act]:not([hidden])")).find(Boolean);
    (act ?? document.querySelector("main")).focus();
  }

  // Once by itself; the button does it again.
  #save() {
    const { saved = [] } = this.#transfer;
    for (; this.#saved < saved.length; this.#saved += 1) download(saved[this.#saved]);
  }

  #act(name) {
    const transfer = this.#transfer;
    if (name === "accept") transfer.accept();
    else if (name === "decline") transfer.decline();
    else if (name === "cancel") transfer.cancel();
    else if (name === "save") transfer.saved.forEach(download);
    if (name === "close" || name === "decline") this.remove();
  }

  remove() {
    if (this.#element.contains(document.activeElement)) {
      for (const each of this.#element.querySelectorAll("[data-act]")) each.hidden = true;
      this.#goOn();
    }
    this.#element.remove();
    const list = document.getElementById("transfers");
    list.hidden = !list.children.length;
    this.#acts.gone();
  }

  #part(name) {
    return this.#element.querySelector(`[data-part=${name}]`);
  }
}

const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
};

// Within a sentence: a name that is read from the right must not turn around what stands beside it.
const apart = (name) => `\u2068${name}\u2069`;

export const nameOf = (files) =>
  files.length === 1
    ? files[0].name
    : t("{name} and {count} more", { name: apart(files[0].name), count: files.length - 1 });

const whoIs = ({ user, device, isOwn }) => apart(isOwn ? device : user);

function asksOf({ other }) {
  if (other.isOwn) return t("Your device {device} wants to send this to you here.", { device: apart(other.device) });
  return t("{user} wants to send this to you ({device}).", { user: apart(other.user), device: apart(other.device) });
}

function offeredIn(state, isSending) {
  if (state === "asked") return ["accept", "decline"];
  if (["asking", "looking", "moving", "cut"].includes(state)) return ["cancel"];
  return state === "done" && !isSending ? ["save", "close"] : ["close"];
}

function saidOf({ state, problem, isSending, other }) {
  const who = whoIs(other);
  const said = {
    asking: t("Waiting for {who} to accept …", { who }),
    looking: t("Looking for a way to {who} …", { who }),
    moving: isSending ? t("To {who}", { who }) : t("From {who}", { who }),
    cut: t("The way to {who} broke off; looking for another one …", { who }),
    done: isSending ? t("{who} has all of it, checked by SHA-256.", { who }) : t("All of it is here, checked by SHA-256."),
    cancelled: t("Cancelled"),
    declined: isSending ? t("{who} declined.", { who }) : t("Declined"),
    unanswered: isSending ? t("{who} did not answer in time.", { who }) : t("Not answered in time"),
    unreachable: t("No way was found between this browser and {who}: their networks let none through.", { who }),
    failed: problem || t("The way to {who} was lost.", { who }),
  };
  return said[state] ?? "";
}

function download({ name, file }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
