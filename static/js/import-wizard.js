// The import wizard: each correction looks at the file again, names are checked while they are typed.

import { t } from "./i18n.js";
import { swap } from "./swap.js";

const TYPING_PAUSE_MS = 500;
const NAME = /^[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,62}$/;

let looking = null; // the request under way, so that a newer one can replace it
let pause = 0;

start();
// The upload's page becomes the wizard in place; what is typed from then on must not be swapped away.
document.addEventListener("fragment:swapped", (event) => {
  if (!event.target.matches("[data-waiting]") || !form()) return;
  event.target.removeAttribute("data-live-fragment");
  event.target.removeAttribute("data-page-job");
  start();
});

function form() {
  return document.getElementById("import-form");
}

function start() {
  const chosen = form()?.querySelector("[data-chosen]");
  if (!chosen) return;
  chosen.disabled = false; // from here on only what a person set counts, the rest is found out
  form().addEventListener("change", onChange);
  form().addEventListener("input", onInput);
  form().addEventListener("click", onClick);
  form().addEventListener("submit", onSubmit);
  form().addEventListener("keydown", onKey);
  check();
}

function onChange(event) {
  const field = event.target;
  if (field.matches("[data-reading]")) {
    choose(field.name);
    look("reading");
  } else if (field.matches("[data-typing]")) {
    if (field.name.endsWith(".type")) form().elements[field.name.replace(/type$/, "format")]?.remove();
    look("columns");
  } else {
    check();
    const concernsDataset = field.name === "dataset" || field.matches("[data-keep], [data-name]");
    if (field.name === "mode" || (concernsDataset && isAdding())) look("columns"); // what differs from it
  }
}

const isAdding = () => ["append", "upsert"].includes(form().elements.mode.value);

function onClick(event) {
  const { encoding, rename } = event.target.closest("[data-encoding], [data-rename]")?.dataset ?? {};
  if (encoding) chooseEncoding(encoding);
  else if (rename) useNames(new Map(Object.entries(JSON.parse(rename))));
}

// The same text in several encodings stands side by side: a click on the one that makes sense.
function chooseEncoding(wanted) {
  const field = form().elements.encoding;
  if (![...field.options].some((option) => option.value === wanted)) field.add(new Option(wanted.toUpperCase(), wanted));
  field.value = wanted;
  choose("encoding");
  look("reading");
}

// The columns that the dataset has under another name get that one.
function useNames(names) {
  for (const field of form().querySelectorAll("[data-name]")) field.value = names.get(field.value) ?? field.value;
  look("columns");
}

function onInput(event) {
  if (event.target.matches("[data-keep]")) showKept(event.target);
  if (event.target.matches("[data-reading][type=number]")) {
    choose(event.target.name);
    clearTimeout(pause);
    pause = setTimeout(() => look("reading"), TYPING_PAUSE_MS);
  }
  check();
}

// Enter in a column's name means "done with this name", not "start the import".
function onKey(event) {
  if (event.key === "Enter" && event.target.matches("#file-zones input")) event.preventDefault();
}

function onSubmit(event) {
  const wrong = check();
  if (wrong) {
    event.preventDefault();
    wrong.focus();
    return;
  }
  const button = event.submitter ?? document.getElementById("import-button");
  button.setAttribute("aria-busy", "true");
  // A page that comes back by the back button must be usable again.
  window.addEventListener("pageshow", () => button.removeAttribute("aria-busy"), { once: true });
}

function choose(name) {
  const chosen = form().querySelector("[data-chosen]");
  const names = new Set(chosen.value.split(",").filter(Boolean));
  names.add(name);
  // Another sheet or encoding may have another shape: what was only found before is found again.
  chosen.value = [...names].join(",");
}

async function look(changed) {
  clearTimeout(pause);
  looking?.abort();
  looking = new AbortController();
  const { signal } = looking;
  const zones = document.getElementById("file-zones");
  zones.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form()));
    const response = await fetch(`/imports/preview?changed=${changed}`, { method: "POST", body, signal });
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(response.statusText);
    swap(zones, await response.text());
    zones.removeAttribute("aria-busy");
    check();
  } catch {
    if (signal.aborted) return undefined; // a newer look is on its way
    zones.removeAttribute("aria-busy");
    showFailure(zones, changed);
  }
  return undefined;
}

function showFailure(zones, changed) {
  zones.querySelector(".look-failed")?.remove();
  const notice = document.createElement("p");
  notice.className = "notice notice--warning look-failed";
  notice.append(t("The file could not be looked at again."), " ");
  const again = document.createElement("button");
  again.type = "button";
  again.className = "link-button";
  again.textContent = t("Try again");
  again.addEventListener("click", () => look(changed));
  notice.append(again);
  zones.prepend(notice);
}

function showKept(box) {
  const column = box.closest("[data-column]");
  const place = Number(column.dataset.column) + 1;
  column.classList.toggle("is-left-out", !box.checked);
  for (const row of document.querySelectorAll(".sheet tbody tr")) {
    row.children[place]?.classList.toggle("is-left-out", !box.checked);
  }
}

// Marks what is wrong; answers the first wrong field.
function check() {
  const wrong = [checkColumns(), checkDataset(), checkKey()].find(Boolean);
  showSummary();
  return wrong ?? null;
}

function checkColumns() {
  const seen = new Set();
  let first = null;
  for (const column of document.querySelectorAll(".sheet__column")) {
    const field = column.querySelector("[data-name]");
    const name = field.value.trim();
    const kept = column.querySelector("[data-keep]").checked;
    let problem = "";
    if (kept && !name) problem = t("Give the column a name, or leave it out.");
    else if (kept && seen.has(name.toLowerCase())) problem = t("The name “{name}” is used twice.", { name });
    if (kept) seen.add(name.toLowerCase());
    mark(field, problem, `c${column.dataset.column}-error`);
    if (problem) first ??= field;
  }
  return first;
}

function mark(field, problem, id) {
  const text = document.getElementById(id);
  text.textContent = problem;
  text.hidden = !problem;
  if (problem) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
  } else {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function checkDataset() {
  const field = document.getElementById("dataset");
  const note = document.getElementById("dataset-note");
  if (!field) return null;
  const name = field.value.trim();
  const existing = JSON.parse(document.querySelector(".target").dataset.existing);
  const mode = form().elements.mode.value;
  const problem = datasetProblem(name, mode, name in existing);
  showWhat(name, mode, existing[name]);
  document.getElementById("dataset-error")?.remove();
  field.toggleAttribute("aria-invalid", Boolean(problem));
  if (problem) field.setAttribute("aria-invalid", "true");
  note.textContent = problem;
  note.hidden = !problem;
  return problem ? field : null;
}

// What pressing the button does.
function showWhat(name, mode, version) {
  const values = { name, version };
  let what = "";
  if (name && version === undefined) what = t("Makes {name}", values);
  else if (name && mode === "replace") what = t("Replaces {name}, version {version}", values);
  else if (name && mode === "append") what = t("Adds to {name}, version {version}", values);
  else if (name && mode === "upsert") what = t("Updates {name}, version {version}", values);
  document.querySelector("#summary [data-what]").textContent = what && `${what} · `;
}

// Asked for only where it means something.
function checkKey() {
  const row = document.querySelector("[data-key-row]");
  if (!row) return null;
  row.hidden = form().elements.mode.value !== "upsert";
  const field = document.getElementById("key");
  const problem = row.hidden || field.value.trim() ? "" : t("Say which columns are the key.");
  const note = document.getElementById("key-note");
  note.textContent = problem;
  note.hidden = !problem;
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return problem ? field : null;
}

function datasetProblem(name, mode, exists) {
  if (!name) return t("Give the dataset a name.");
  if (!NAME.test(name)) return t("Use up to 63 small letters, digits, _ or Chinese characters, beginning with a letter.");
  if (mode === "create" && exists) return t("There is a dataset “{name}” already: replace it, append to it, or choose another name.", { name });
  if ((mode === "append" || mode === "upsert") && !exists) return t("There is no dataset “{name}” to append to.", { name });
  return "";
}

function showSummary() {
  const boxes = [...document.querySelectorAll("[data-keep]")];
  const summary = document.getElementById("summary");
  if (!summary || !boxes.length) return;
  const kept = boxes.filter((box) => box.checked).length;
  summary.querySelector("[data-kept]").textContent = summary.dataset.text.replace("{kept}", kept).replace("{all}", boxes.length);
}
