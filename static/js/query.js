// The query page: answers come below the box, names are completed while they are typed, a result can be drawn.

import { startChart } from "./query-chart.js";
import { startCompletion } from "./query-completion.js";
import { t } from "./i18n.js";
import { swap } from "./swap.js";

const form = document.querySelector("[data-query]");
const answer = document.getElementById("answer");

startCompletion(form.querySelector("textarea"), form.dataset.names);
startChart(answer);

form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".query-save__fields input") && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit(form.querySelector(".query-save__fields button"));
    return;
  }
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector("[data-run]"));
});

form.addEventListener("submit", async (event) => {
  if (!event.submitter?.matches("[data-run]")) return; // to save and to download lead elsewhere
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  body.set("fragment", "1");
  answer.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, { method: "POST", body });
    if (!response.ok) throw new Error(response.statusText);
    swap(answer, await response.text());
  } catch {
    answer.textContent = t("The server could not be reached. Try again in a moment.");
  } finally {
    answer.removeAttribute("aria-busy");
    answer.dispatchEvent(new CustomEvent("answered"));
  }
});
