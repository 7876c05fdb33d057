// The sign-in page: a passkey instead of name and password.

import { askAndSend, standing } from "./passkey-browser.js";

const form = document.getElementById("passkey-form");
const now = standing(form.dataset.origin);
form.hidden = now !== "able";
document.querySelector('[data-passkeys="elsewhere"]').hidden = now !== "elsewhere";
form.addEventListener("submit", (event) => {
  event.preventDefault();
  askAndSend(form, (options) =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
  );
});
