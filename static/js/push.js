// The account page: has this browser show notifications though no page is open, and ends that.

import { at } from "./addresses.js";
import { register, unregister } from "./installed.js";

const OWN = at("/api/v1/push/subscriptions");
const section = document.getElementById("push");
if (section) start(section);

function start(section) {
  const part = (name) => section.querySelector(`[data-push="${name}"]`);
  const show = (name) => {
    for (const each of section.querySelectorAll("[data-push]")) each.hidden = each.dataset.push !== name;
  };
  const problem = section.querySelector("[role=alert]");
  const trying = (act) => async () => {
    problem.hidden = true;
    try {
      await act();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  };
  const turnOn = async () => {
    // First of all: browsers ask only at once after a click.
    if ((await Notification.requestPermission()) !== "granted") return show(state());
    await subscribe(await serverKey());
    return location.reload();
  };
  const turnOff = async () => {
    await answer(`${OWN}/${section.dataset.subscription}`, { method: "DELETE" });
    await (await subscription())?.unsubscribe();
    await unregister();
    location.reload();
  };
  const state = () => {
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "unable";
    if (Notification.permission === "denied") return "blocked";
    return section.dataset.subscription ? "on" : "off";
  };

  show(state());
  part("off").querySelector("button").addEventListener("click", trying(turnOn));
  part("on").querySelector("button").addEventListener("click", trying(turnOff));
  if (state() === "on" && Notification.permission === "granted") trying(renew)();
}

// The browser may have given up its subscription while its worker could not tell, or the server have another key by now.
async function renew() {
  const known = await subscription();
  const key = await serverKey();
  const isStale = !known || encoded(known.options.applicationServerKey) !== key;
  if (key && isStale) await subscribe(key);
}

const serverKey = async () => (await answer(at("/api/v1/push/key"))).key;

async function subscribe(key) {
  await register();
  const { pushManager } = await navigator.serviceWorker.ready;
  const known = await pushManager.getSubscription();
  if (known && encoded(known.options.applicationServerKey) !== key) await known.unsubscribe();
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  const headers = { "Content-Type": "application/json" };
  await answer(OWN, { method: "POST", headers, body: JSON.stringify({ endpoint, keys }) });
}

async function subscription() {
  const registration = await navigator.serviceWorker.getRegistration(at("/"));
  return registration?.pushManager.getSubscription();
}

async function answer(address, options) {
  const response = await fetch(address, options);
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json();
  throw new Error(problem.errors?.[0]?.message ?? problem.detail);
}

const encoded = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
