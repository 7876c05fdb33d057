// The import wizard: each correction looks at the file again, names are checked while they are typed.

import { at } from "./addresses.js";
import { filled, number, t } from "./i18n.js";
import { follow, reveal, settingsOf, showKept, showMistakes, showName } from "./import-columns.js";
import { swap } from "./swap.js";

const TYPING_PAUSE_MS = 500;
const MOST_KEY_CHOICES = 12;
const NAME = /^[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,62}$/;

let looking = null; // the request under way, so that a newer one can replace it
let pause = 0;
let isKeyAsked = false; // what nobody has typed yet is no mistake

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
  const wrong = form().querySelector("[aria-invalid]"); // what the server found
  if (wrong) reveal(wrong);
  check();
}

function onChange(event) {
  const field = event.target;
  if (field.matches("[data-reading]")) {
    choose(field.name);
    look("reading");
  } else if (field.matches("[data-typing]")) {
    say(field);
    look("columns");
  } else if (field.matches("[data-checking]")) {
    look("columns");
  } else {
    check();
    const concernsDataset = field.name === "dataset" || field.matches("[data-keep], [data-name]");
    if (field.name === "mode" || (concernsDataset && isAdding())) look("columns"); // what differs from it
  }
}

function isAdding() {
  return ["append", "upsert"].includes(form().elements.mode.value);
}

// From now on this is what the person said, and no longer found out.
function say(field) {
  const [column, what] = field.name.split(".");
  const said = form().elements[`${column}.said`];
  said.value = what === "type" ? "type" : "format,type";
  if (what === "type") form().elements[`${column}.format`]?.closest("[data-format]").remove(); // how such values are written is found out
}

function onClick(event) {
  const chip = event.target.closest("a.problem");
  const { encoding, rename, accept, place, keyName } =
    event.target.closest("[data-encoding], [data-rename], [data-accept], [data-key-name]")?.dataset ?? {};
  if (chip) {
    event.preventDefault();
    follow(chip);
  } else if (encoding) chooseEncoding(encoding);
  else if (rename) useNames(new Map(Object.entries(JSON.parse(rename))));
  else if (accept) acceptDoubts(place, accept);
  else if (keyName) chooseKey(keyName);
}

// What is doubtful in a column is right as it was read.
function acceptDoubts(place, codes) {
  const { elements } = form();
  elements[`c${place}.accepted`].value += `,${codes}`;
  elements[`c${place}.said`].value = "format,type";
  settingsOf(place).querySelector("[data-keep]").focus(); // the button goes with what it was about
  look("columns");
}

function keyNames() {
  return document.getElementById("key").value.split(/[,，\n]/).map((name) => name.trim()).filter(Boolean);
}

// A column is of the key, or it is no longer.
function chooseKey(name) {
  const names = keyNames();
  document.getElementById("key").value = (names.includes(name) ? names.filter((one) => one !== name) : [...names, name]).join(", ");
  isKeyAsked = true;
  check();
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
  const place = event.target.closest("[data-settings]")?.dataset.settings;
  if (event.target.matches("[data-keep]")) showKept(place, event.target.checked);
  if (event.target.matches("[data-name]")) showName(place, event.target.value);
  if (event.target.matches("[data-checking]")) event.target.removeAttribute("aria-invalid"); // it is judged anew
  if (event.target.id === "key") isKeyAsked = true;
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
  isKeyAsked = true;
  const wrong = check();
  if (wrong) {
    event.preventDefault();
    reveal(wrong);
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
    const response = await fetch(at(`/imports/preview?changed=${changed}`), { method: "POST", body, signal });
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(response.statusText);
    const fresh = await response.text();
    const meanwhile = changedSince(body, zones);
    swap(zones, fresh);
    for (const put of meanwhile) put();
    zones.removeAttribute("aria-busy");
    check();
  } catch {
    if (signal.aborted) return undefined; // a newer look is on its way
    zones.removeAttribute("aria-busy");
    showFailure(zones, changed);
  }
  return undefined;
}

// What a person did to names and ticks while the server looked: it knows nothing of it. Answers how to do it again.
function changedSince(body, zones) {
  const fields = [...zones.querySelectorAll("[data-name], [data-keep]")];
  return fields.flatMap((field) => {
    const { id, name, value, checked } = field;
    const isSame = field.matches("[data-keep]") ? checked === body.has(name) : value === body.get(name);
    return isSame ? [] : [() => again(id, value, checked)];
  });
}

function again(id, value, checked) {
  const field = document.getElementById(id);
  if (!field) return;
  Object.assign(field, { value, checked });
  field.dispatchEvent(new Event("input", { bubbles: true }));
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

// Marks what is wrong; answers the first wrong field.
function check() {
  const wrong = [checkColumns(), checkDataset(), checkKey()].find(Boolean);
  showSummary();
  return wrong ?? null;
}

function checkColumns() {
  const seen = new Set();
  const mistaken = new Set();
  for (const settings of document.querySelectorAll("[data-settings]")) {
    const field = settings.querySelector("[data-name]");
    const name = field.value.trim();
    const isKept = settings.querySelector("[data-keep]").checked;
    let problem = "";
    if (isKept && !name) problem = t("Give the column a name, or leave it out.");
    else if (isKept && seen.has(name.toLowerCase())) problem = t("The name “{name}” is used twice.", { name });
    if (isKept) seen.add(name.toLowerCase());
    mark(field, problem, `${field.id}-error`);
    if (settings.querySelector("[aria-invalid]")) mistaken.add(Number(settings.dataset.settings));
  }
  showMistakes(mistaken);
  const [first] = mistaken;
  return first === undefined ? null : settingsOf(first).querySelector("[aria-invalid]");
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
  const summary = document.getElementById("summary");
  const key = document.getElementById("key").value.trim();
  const isThere = version !== undefined;
  const missing = isAdding() ? "missing" : "create";
  const what = !isThere ? missing : mode === "upsert" && key ? "upsert_by" : mode;
  const values = { name, version, key };
  const text = JSON.parse(summary.dataset.whats)[what];
  summary.querySelector("[data-what]").textContent = name ? filled(text, values) : "";
  const added = Number(document.querySelector("#file-zones [data-added]")?.dataset.added ?? 0);
  const line = summary.querySelector("[data-added-line]");
  line.textContent = added ? ` · ${filled(summary.dataset.addedText, { count: number(added) })}` : "";
}

// Asked for only where it means something.
function checkKey() {
  const row = document.querySelector("[data-key-row]");
  if (!row) return null;
  row.hidden = form().elements.mode.value !== "upsert";
  const field = document.getElementById("key");
  const isMissing = !row.hidden && !field.value.trim();
  const problem = isMissing && isKeyAsked ? t("Say which columns are the key.") : "";
  if (!row.hidden) showKeyChoices(row.querySelector("[data-key-choices]"));
  const note = document.getElementById("key-note");
  note.textContent = problem;
  note.hidden = !problem;
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return isMissing ? field : null;
}

// The columns that are kept, as many as a hand can choose from; others are typed.
function showKeyChoices(list) {
  const chosen = new Set(keyNames());
  const kept = [...document.querySelectorAll("[data-settings]")].filter((one) => one.querySelector("[data-keep]").checked);
  const names = kept.map((one) => one.querySelector("[data-name]").value.trim()).filter(Boolean);
  const offered = [...new Set(names)].slice(0, MOST_KEY_CHOICES);
  if (offered.join("\n") !== [...list.children].map((one) => one.dataset.keyName).join("\n")) {
    list.replaceChildren(...offered.map(keyChoice));
  }
  for (const one of list.children) one.setAttribute("aria-pressed", String(chosen.has(one.dataset.keyName)));
}

function keyChoice(name) {
  const choice = document.createElement("button");
  choice.type = "button";
  choice.className = "key-choice chip chip--line breaks";
  choice.dataset.keyName = name;
  choice.textContent = name;
  return choice;
}

function datasetProblem(name, mode, exists) {
  if (!name) return t("Give the dataset a name.");
  if (!NAME.test(name)) return t("Use up to 63 small letters, digits, _ or Chinese characters, beginning with a letter.");
  if (mode === "create" && exists) return t("There is a dataset “{name}” already: replace it, append to it, or choose another name.", { name });
  if (mode === "append" && !exists) return t("There is no dataset “{name}” to append to.", { name });
  if (mode === "upsert" && !exists) return t("There is no dataset “{name}” to update.", { name });
  return "";
}

function showSummary() {
  const boxes = [...document.querySelectorAll("[data-keep]")];
  const summary = document.getElementById("summary");
  if (!summary || !boxes.length) return;
  const kept = boxes.filter((box) => box.checked).length;
  summary.querySelector("[data-kept]").textContent = filled(summary.dataset.keptText, { kept: number(kept), all: number(boxes.length) });
}
