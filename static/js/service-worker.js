// Shows what this server sends while none of its pages is open. Whether that is needed was decided before it was sent:
// browsers take the right away from whoever is sent something and shows nothing. And keeps one page for while the server
// cannot be reached; nothing else ever comes from here.

const { scope } = self.registration;
const KEPT = `jindu-offline ${scope}`; // another server at this host has its own
const OFFLINE = `${scope}offline`;

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(begin()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") event.respondWith(load(event));
  else if (request.url.endsWith("?offline")) event.respondWith(fromKept(request));
});

// The page, and what it names.
async function keep() {
  const answer = await fetch(OFFLINE);
  if (!answer.ok) throw new Error(`${OFFLINE}: ${answer.status}`);
  const named = [...(await answer.clone().text()).matchAll(/"([^"]+[?]offline)"/g)].map((found) => found[1]);
  await caches.delete(KEPT);
  const cache = await caches.open(KEPT);
  await Promise.all([cache.put(OFFLINE, answer), cache.addAll(named)]);
}

async function begin() {
  await self.registration.navigationPreload?.enable(); // pages are asked for while this script starts
  await self.clients.claim();
}

async function load(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
}

async function fromKept(request) {
  return (await caches.match(request)) ?? fetch(request);
}

self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

// The browser gave its subscription up, or its push service did, and nobody need be at a page for a long time.
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew()));

async function renew() {
  const asked = await fetch(`${scope}api/v1/push/key`);
  const { key } = asked.ok ? await asked.json() : {};
  if (!key) return; // signed out, which ends it anyway, or not set up any more; else the account page tries again
  const { pushManager } = self.registration;
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  await fetch(`${scope}api/v1/push/subscriptions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ endpoint, keys }),
  });
}

function show(data) {
  const { title = "Jindu", body = "", url = "", tag = "" } = read(data);
  const icon = `${scope}static/img/icon-192.png`;
  self.navigator.setAppBadge?.().catch(() => undefined); // how many there are says the next page
  // A newer one of the same thing takes the place of the older one, and is heard again.
  return self.registration.showNotification(title, { body, icon, data: url, tag, renotify: tag !== "" });
}

function read(data) {
  try {
    return data.json();
  } catch {
    return {}; // still something that is shown
  }
}

async function open(url) {
  const { href } = new URL(url, self.location.origin);
  const target = href.startsWith(scope) ? href : scope;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => page.url === target);
  return there ? there.focus() : self.clients.openWindow(target);
}
