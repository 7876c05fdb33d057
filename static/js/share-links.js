// The panel of share links beside a report or batch: addresses to copy, a password that can be seen, no day where there is no end.

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
const made = document.querySelector(".share-link--new [data-copy]");
const details = document.querySelector(".link-new");
if (made && !made.hidden) made.focus({ preventScroll: true });
for (const link of document.querySelectorAll('a[href="#share-links"]')) {
  link.addEventListener("click", () => {
    details.open = true;
    until.focus({ preventScroll: true });
  });
}
