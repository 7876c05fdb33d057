// `form[data-star]` marks a thing as a favourite, or takes the mark away, without leaving the page.

import { at } from "./addresses.js";
import { t } from "./i18n.js";
import { toast } from "./toasts.js";

export function startStars() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-star]")) return;
    event.preventDefault();
    press(event.target);
  });
}

async function press(form) {
  const button = form.querySelector("button");
  if (button.ariaBusy === "true") return;
  const on = button.ariaPressed !== "true";
  const thing = new URL(form.action).pathname.split("/").slice(-2).join("/");
  button.ariaBusy = "true";
  show(form, on); // at once: it nearly always succeeds
  try {
    const response = await fetch(at(`/api/v1/favourites/${thing}`), { method: on ? "PUT" : "DELETE" });
    if (response.status === 401) location.reload();
    else if (!response.ok) throw new Error((await response.json()).detail);
  } catch (error) {
    show(form, !on);
    toast(t("This could not be marked."), { body: error instanceof TypeError ? "" : error.message, level: "danger" });
  }
  button.ariaBusy = null;
}

// Wherever it stands on the page.
function show(form, on) {
  for (const each of document.querySelectorAll(`form[data-star][action="${CSS.escape(form.getAttribute("action"))}"]`)) {
    each.querySelector("button").ariaPressed = String(on);
    each.elements.on.value = on ? "0" : "1";
  }
}
