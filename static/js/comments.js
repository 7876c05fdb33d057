// Comments below a report: written without leaving the page, and shown as soon as anybody wrote one.

import { at } from "./addresses.js";
import { live } from "./app.js";
import { accessEnded, refreshFragment } from "./fragments.js";
import { number, t } from "./i18n.js";
import { startMentions } from "./mentions.js";

const section = document.querySelector("[data-comments]");
const list = section.querySelector("[data-comment-list]");
const form = section.querySelector("[data-comment-form]");
const box = form.elements.text;
const problem = section.querySelector("[data-comment-problem]");
const label = section.querySelector("[data-comment-label]");
const button = section.querySelector("[data-comment-send]");
const hint = section.querySelector("#comment-hint");
const cancel = section.querySelector("[data-comment-cancel]");
const report = at(`/api/v1/reports/${section.dataset.comments}`);

let changed = form.dataset.commentForm; // the comment that the form changes
let stop = null;
let refreshing = null;
let isStale = false;
let isOver = false;

startMentions(box, `${report}/readers`);
watch();
document.addEventListener("visibilitychange", () => {
  watch();
  if (!document.hidden) refresh(); // what was written meanwhile
});
section.addEventListener("click", (event) => {
  const link = event.target.closest("[data-comment-edit], [data-comment-cancel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  begin(link.dataset.commentEdit ?? "", link.dataset.text ?? "");
});
section.addEventListener("submit", (event) => {
  event.preventDefault();
  const id = event.target.dataset.commentDelete;
  if (id) remove(id);
  else send();
});
box.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return; // what an input method is told is not for us
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  if (event.key === "Escape" && changed) begin("", "");
});
list.addEventListener("fragment:swapped", () => {
  const total = list.querySelector("[data-comment-total]")?.textContent ?? number(0);
  for (const each of document.querySelectorAll("[data-comment-count]")) each.textContent = total;
});

// Only while somebody looks: the bell does not ring for what stands before them.
function watch() {
  stop?.();
  stop = null;
  if (document.hidden) return;
  stop = live.subscribe(`report:${section.dataset.comments}`, (data) => {
    if (data.access === "ended") accessEnded();
    else refresh();
  });
}

async function refresh() {
  isStale = true;
  while (isStale && !refreshing) {
    isStale = false;
    refreshing = refreshFragment(list);
    await refreshing;
    refreshing = null;
  }
}

function begin(id, text) {
  changed = id;
  for (const each of [label, button]) each.textContent = id ? each.dataset.change : each.dataset.write;
  cancel.hidden = !id;
  box.value = text;
  complain("");
  box.focus();
}

function complain(text) {
  problem.hidden = !text;
  problem.querySelector("span:last-child").textContent = text;
  if (text) box.setAttribute("aria-invalid", "true");
  else box.removeAttribute("aria-invalid");
}

// The right has ended while somebody writes: the report goes, and what they wrote stays to be copied.
document.addEventListener("access:ended", (event) => {
  if (!box.value.trim()) return;
  event.preventDefault();
  for (const each of [...section.parentElement.children]) if (each !== section) each.remove();
  for (const each of [list, cancel, hint]) each.remove();
  box.readOnly = true;
  button.textContent = t("Copy");
  complain(t("You may no longer see this report. What you wrote was not sent: copy it from here."));
  isOver = true;
});

async function send() {
  if (isOver) {
    box.select();
    await navigator.clipboard?.writeText(box.value);
    return;
  }
  button.disabled = true;
  const body = JSON.stringify({ text: box.value });
  const url = changed ? `${report}/comments/${changed}` : `${report}/comments`;
  if (await ask(url, { method: changed ? "PATCH" : "POST", body })) begin("", "");
  button.disabled = false;
}

async function remove(id) {
  if ((await ask(`${report}/comments/${id}`, { method: "DELETE" })) && id === changed) begin("", "");
}

// Whether it was done; else what is wrong stands below the box, and what was typed stays in it.
async function ask(url, options) {
  try {
    const response = await fetch(url, { ...options, headers: { "Content-Type": "application/json" } });
    if (!response.ok) {
      const said = await response.json();
      complain(said.errors?.[0]?.message ?? said.detail);
      return false;
    }
  } catch {
    complain(t("This did not reach the server. Try again."));
    return false;
  }
  complain("");
  await refresh();
  return true;
}
