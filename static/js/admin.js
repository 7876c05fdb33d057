// The administrators' pages: figures every few seconds, and a role that is saved when it is chosen.

import { at } from "./addresses.js";
import { refreshFragment } from "./fragments.js";

const EVERY_MS = 5000;
for (const figures of document.querySelectorAll(`[data-live-fragment="${at("/admin/overview")}"], [data-live-every]`)) {
  setInterval(() => {
    if (!document.hidden) refreshFragment(figures);
  }, EVERY_MS);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});
