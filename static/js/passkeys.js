// The account page: makes a passkey.

import { askAndSend, standing } from "./passkey-browser.js";

const section = document.getElementById("passkeys");
const form = section?.querySelector('[data-passkeys="add"]');
if (form) {
  const now = standing(section.dataset.origin);
  form.hidden = now !== "able";
  for (const name of ["elsewhere", "unable"]) section.querySelector(`[data-passkeys="${name}"]`).hidden = now !== name;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    askAndSend(form, (options) =>
      navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
    );
  });
}
