// What pages that make or use passkeys share: whether this browser can, at this address; the question; the answer.

import { t } from "./i18n.js";

// "able", "elsewhere" (passkeys belong to the address that the server is known by), or "unable".
export function standing(origin) {
  if (location.origin !== origin) return "elsewhere";
  return window.PublicKeyCredential?.parseRequestOptionsFromJSON ? "able" : "unable";
}

// Asks the server, has the browser answer by `answer(options)`, and sends the form with that.
export async function askAndSend(form, answer) {
  const error = form.querySelector('[data-passkeys="error"]');
  const button = form.querySelector("button[type=submit]");
  error.hidden = true;
  button.disabled = true;
  try {
    const response = await fetch(`${form.action}/begin`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const asked = await response.json();
    if (!response.ok) throw new Error(asked.errors?.[0]?.message || asked.detail);
    const credential = await answer(asked.options);
    form.elements.answer.value = JSON.stringify(credential.toJSON());
    form.elements.sealed.value = asked.sealed;
    form.submit();
  } catch (problem) {
    error.textContent = told(problem);
    error.hidden = false;
    button.disabled = false;
  }
}

function told(problem) {
  if (problem.name === "NotAllowedError") return t("Nothing was chosen, or it took too long.");
  if (problem.name === "InvalidStateError") return t("This device has a passkey for you already.");
  return problem.message || t("That did not work. Try again.");
}
