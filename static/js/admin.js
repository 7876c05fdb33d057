// The administrators' pages: figures every few seconds, and a role that is saved when it is chosen.

import { refreshFragment } from "./fragments.js";

const EVERY_MS = 5000;
const overview = document.querySelector('[data-live-fragment="/admin/overview"]');

if (overview) {
  setInterval(() => {
    if (!document.hidden) refreshFragment(overview);
  }, EVERY_MS);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});
