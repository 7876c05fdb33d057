// Files from browser to browser (docs/peer-to-peer.md): what every page does where it is turned on.

import { at } from "./addresses.js";
import { live } from "./app.js";
import { droppedFiles } from "./dropped-files.js";
import { t } from "./i18n.js";
import { chooseReceiver } from "./peer-dialog.js";
import { Card } from "./peer-panel.js";
import { Receiving } from "./peer-receiving.js";
import { emptyStore } from "./peer-store.js";
import { Sending } from "./peer-sending.js";
import { toast } from "./toasts.js";

const MOST_FILES = 50; // as the server takes them
const MOST_ASKING = 5; // of one person: whoever offers more is not heard, and others still are
const KEPT = "jindu-transfers"; // of this tab: what a page that is loaded anew goes on with
const transfers = new Map(); // by id
const ask = (to, signal) => live.request({ type: "peer", to, signal });

live.on("peer", heard);
live.subscribe("me:files", () => undefined); // nothing comes on it: it says that this page takes them
live.on("state", (state) => state === "connected" && goOn());
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-send]");
  if (button) sendFetched(button.dataset);
});
startChoosing(document.getElementById("send-files"));
// Nothing stays for whoever signs in here next.
document.addEventListener("submit", ({ target }) => {
  if (target.getAttribute("action") !== at("/logout")) return;
  sessionStorage.removeItem(KEPT);
  for (const each of [...transfers.values()]) each.card.remove();
  emptyStore();
});
window.addEventListener("beforeunload", (event) => {
  if ([...transfers.values()].some((each) => each.isSending && !each.isOver)) event.preventDefault();
});

// The page for files: chosen, or dropped anywhere on it.
function startChoosing(input) {
  if (!input) return;
  const chosen = ({ files }) => {
    if (files.length > MOST_FILES) toast(t("At most {count} files go at once.", { count: MOST_FILES }), { level: "danger" });
    else if (files.length) send(files, { href: at("/imports"), label: t("Upload it instead") });
  };
  input.addEventListener("change", () => {
    chosen({ files: [...input.files] });
    input.value = "";
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    chosen(await droppedFiles(event.dataTransfer));
  });
}

// What is sent is what the page shows, so it is fetched as it would be downloaded.
async function sendFetched({ send: address, sendName: name, sendInstead: instead }) {
  const chosen = await chooseReceiver([{ name }], live.connection?.connection_id);
  if (!chosen) return;
  try {
    toast(t("Getting {name} …", { name }));
    const response = await fetch(address);
    if (!response.ok) throw new Error(response.statusText);
    const file = new File([await response.blob()], name);
    await sendTo(chosen, [file], instead && { href: instead, label: t("Make a share link instead") });
  } catch {
    toast(t("It could not be fetched from the server; try again."), { level: "danger" });
  }
}

async function send(files, instead) {
  const chosen = await chooseReceiver(files, live.connection?.connection_id);
  if (chosen) await sendTo(chosen, files, instead);
}

async function sendTo({ to, user, device, isOwn }, files, instead) {
  const named = files.map((file) => withName(file, plain(file.name)));
  const sending = new Sending({ id: newId(), files: named, other: { user, device, isOwn }, ask, changed: draw });
  show(sending, document.body.dataset.role === "viewer" ? null : instead);
  try {
    await sending.offer(to);
  } catch (error) {
    sending.enter("failed", error.message);
  }
}

// The signals of all transfers come to all pages of a browser.
function heard(message) {
  const { transfer: id, signal, sender, is_own: isOwn } = message;
  const known = transfers.get(id);
  if (signal.kind === "offer" && !known && isRoomFor(sender)) return offered(message, { ...sender, isOwn });
  if (known?.state === "asked" && signal.kind === "over") return known.card.remove(); // taken elsewhere, or withdrawn
  return known?.heard(message);
}

function isRoomFor({ user }) {
  const asking = [...transfers.values()].filter(({ state, other }) => state === "asked" && other.user === user);
  return asking.length < MOST_ASKING;
}

function offered({ transfer: id, signal, ticket, timestamp, expires_at: expiresAt }, other) {
  const left = new Date(expiresAt) - new Date(timestamp); // milliseconds, whatever the clock here says
  askedFor({ id, ticket, files: signal.files, other, until: Date.now() + left });
  keep();
}

function askedFor({ id, ticket, files, other, until }) {
  const receiving = new Receiving({ id, files, other, ask, changed: draw, kept: keep });
  Object.assign(receiving, { ticket, until });
  show(receiving);
  receiving.enter("asked");
  setTimeout(() => receiving.state === "asked" && receiving.card.remove(), until - Date.now());
}

function show(transfer, instead) {
  transfers.set(transfer.id, transfer);
  const gone = () => {
    transfers.delete(transfer.id);
    transfer.discard?.();
    transfer.close();
    keep();
  };
  transfer.card = new Card(transfer, { gone, instead });
}

function draw(transfer) {
  transfer.card.draw();
  stayAwake();
}

// going on after the page was loaded anew, or another one in its place: with what moves, and what nobody answered yet

function keep() {
  const kept = [...transfers.values()].filter((each) => !each.isSending && !each.isOver);
  const content = kept.map(({ id, ticket, files, other, index, state, until }) => {
    return { id, ticket, files, other, index, ...(state === "asked" && { until }) };
  });
  sessionStorage.setItem(KEPT, JSON.stringify(content));
}

// Also what broke off together with the line to the server.
function goOn() {
  for (const each of transfers.values()) if (each.state === "cut") each.lookAgain();
  for (const { ticket, ...kept } of JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")) {
    if (transfers.has(kept.id)) continue;
    if (kept.until) {
      if (kept.until > Date.now()) askedFor({ ticket, ...kept });
      continue;
    }
    const receiving = new Receiving({ ...kept, ask, changed: draw, kept: keep, wasOpen: true });
    receiving.ticket = ticket;
    show(receiving);
    receiving.lookAgain();
  }
}

// A phone whose screen goes dark would stop.
let awake = null;

async function stayAwake() {
  const isMoving = [...transfers.values()].some(({ state }) => state === "moving");
  if (isMoving && !awake && navigator.wakeLock && !document.hidden) {
    awake = navigator.wakeLock.request("screen").catch(() => null);
    (await awake)?.addEventListener("release", () => (awake = null));
  } else if (!isMoving && awake) {
    const held = awake;
    awake = null;
    (await held)?.release();
  }
}

// Letters that cannot be seen might make a name look like another one.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]/gu;
const plain = (name) => Array.from(name.replace(UNSEEN, "_")).slice(0, 200).join("").trim() || "_";
const withName = (file, name) => (file.name === name ? file : new File([file], name));
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte % 36).toString(36)).join("");
