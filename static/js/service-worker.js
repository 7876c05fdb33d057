// Shows what this server sends while none of its pages is open. Whether that is needed was decided before it was sent:
// browsers take the right away from whoever is sent something and shows nothing.

self.addEventListener("push", (event) => event.waitUntil(show(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

function show(data) {
  const { title = "Jindu", body = "", url = "", tag = "" } = read(data);
  // A newer one of the same thing takes the place of the older one, and is heard again.
  return self.registration.showNotification(title, { body, data: url, tag, renotify: tag !== "" });
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
  const target = href.startsWith(self.registration.scope) ? href : self.registration.scope;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => page.url === target);
  return there ? there.focus() : self.clients.openWindow(target);
}
