// Dataset pages: rows change in place, figures load when they are ready.

import { live } from "./app.js";
import { refreshFragment } from "./fragments.js";
import { swap } from "./swap.js";

const TYPING_PAUSE_MS = 350;

// On a phone the current tab may lie outside its line.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
for (const element of document.querySelectorAll("[data-load-now]")) refreshFragment(element);
startRows(document.getElementById("rows"));

function startRows(rows) {
  if (!rows) return;
  let pause = 0;
  let asking = null;

  const show = async (url, { push = true } = {}) => {
    clearTimeout(pause);
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    rows.setAttribute("aria-busy", "true");
    const wanted = new URL(url, location.href);
    try {
      const fragment = new URL(wanted);
      fragment.searchParams.set("fragment", "");
      const response = await fetch(fragment, { signal });
      if (!response.ok) return location.assign(wanted);
      swap(rows, await response.text());
      if (push) history.pushState(null, "", wanted);
      rows.removeAttribute("aria-busy");
    } catch {
      if (!signal.aborted) location.assign(wanted);
    }
    return undefined;
  };

  rows.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-rows-link]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(link.href);
  });
  rows.addEventListener("submit", (event) => {
    event.preventDefault();
    show(addressOf(event.target));
  });
  rows.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(pause);
    pause = setTimeout(() => show(addressOf(event.target.form)), TYPING_PAUSE_MS);
  });
  addEventListener("popstate", () => show(location.href, { push: false }));
  // Only the first page follows new versions: further on, a cursor keeps showing the version it began in.
  live?.subscribe(`dataset:${rows.dataset.datasetId}`, () => {
    if (!new URLSearchParams(location.search).has("cursor")) show(location.href, { push: false });
  });
}

// The address of a form without its empty fields.
function addressOf(form) {
  const values = [...new FormData(form)].filter(([, value]) => value !== "");
  return `${form.action}?${new URLSearchParams(values)}`;
}
