// The panel of share links beside a report or batch: addresses to copy, a password that can be seen, no day where
// there is no end.

import "./copy-button.js";
import "./reveal-password.js";

const endless = document.querySelector(".link-form [name=endless]");
const until = document.getElementById("link-until");
if (endless) {
  const update = () => {
    until.disabled = endless.checked;
  };
  endless.addEventListener("change", update);
  update();
}

// Who has just made one copies it next; who comes from the button above makes one.
const panel = document.getElementById("share-links");
const made = panel?.querySelector(".share-link--new [data-copy]");
if (made) {
  // after the browser has gone to the `#` of the address
  addEventListener("load", () => requestAnimationFrame(() => made.focus({ preventScroll: true })));
}
for (const link of document.querySelectorAll('a[href="#share-links"]')) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    panel.querySelector(".link-new").open = true;
    panel.scrollIntoView();
    until.focus({ preventScroll: true });
  });
}
