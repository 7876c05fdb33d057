// The panel of share links beside a report or batch: addresses to copy, a password that can be seen, no day where
// there is no end.

import "./copy-button.js";

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
// Heard here and not at the link: a refresh of the page's head may make another button of it.
document.addEventListener("click", (event) => {
  if (!panel || !event.target.closest('a[href="#share-links"]')) return;
  event.preventDefault();
  panel.querySelector(".link-new").open = true;
  panel.scrollIntoView();
  until.focus({ preventScroll: true });
});
