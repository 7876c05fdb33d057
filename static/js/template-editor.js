// The template editor: its text, live checks, and a preview beside it.

import { at, own } from "./addresses.js";
import { clock, t } from "./i18n.js";
import { completing } from "./template-completion.js";
import { chooseBetween } from "./template-conflict.js";
import { Draft, dropOldDrafts } from "./template-drafts.js";
import { TemplatePreview } from "./template-preview.js";
import { TemplateForm } from "./template-form.js";
import { Schema } from "./template-schema.js";
import { TemplateText } from "./template-text.js";
import { toast } from "./toasts.js";

const REFRESH_AFTER_MS = 150;
const KEEP_AFTER_MS = 300;
const VIEW = own("jindu-template-view"); // which view was used last in this browser

const form = document.querySelector("form[data-editor]");
const schema = new Schema();
const source = new TemplateText(form.querySelector("textarea"), { complete: completing(schema), changed });
const filling = new TemplateForm(document.querySelector("[data-form]"), { source, schema, showText });
const views = form.querySelector("[data-views]");
const problems = document.querySelector("[data-problems]");
const verdict = document.querySelector("[data-verdict]");
const saveButton = form.querySelector("[data-save]");
const previewForm = document.querySelector("form[data-preview]");
const nameInput = form.querySelector("[name=name]");
const noteInput = form.querySelector("[name=note]");
const conflict = document.querySelector("[data-conflict]");
const offer = document.querySelector("[data-draft]");
const draft = new Draft(form.dataset.key);
const preview = new TemplatePreview(previewForm, document.querySelector("[data-preview-frames]"));
const generateButton = form.querySelector("[data-generate]"); // of a template that asks for nothing

let saved = source.value;
let etag = form.dataset.etag;
let checkNumber = 0;
let problemNumber = -1;
const refreshSoon = later(refresh, REFRESH_AFTER_MS);
const keepSoon = later(keepDraft, KEEP_AFTER_MS);

showUnsaved();
refresh();
learn();
switchTo(form.dataset.view || localStorage.getItem(VIEW) || "text");
dropOldDrafts();
offerDraft();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
nameInput?.addEventListener("input", showUnsaved);
views.addEventListener("click", (event) => {
  const { view } = event.target.closest("[data-view]")?.dataset ?? {};
  if (!view) return;
  localStorage.setItem(VIEW, view);
  switchTo(view);
  if (view === "text") source.focus();
});
generateButton?.addEventListener("click", () => save({ button: generateButton, then: generate }));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    save();
  } else if (event.key === "F8") {
    event.preventDefault();
    nextProblem(event.shiftKey ? -1 : 1);
  }
});
addEventListener("beforeunload", (event) => {
  if (source.value !== saved) event.preventDefault();
});
addEventListener("pagehide", keepDraft);
previewForm.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});
problems.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  if (button) goTo(Number(button.dataset.line), Number(button.dataset.column));
});

// “text” or “form”; both show the same text.
function switchTo(view) {
  for (const button of views.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  source.isShown = view === "text";
  if (view === "form") filling.show();
  else filling.hide();
}

function goTo(line, column) {
  if (filling.isShown) filling.reveal(line, column);
  else source.jump(line, column);
}

function showText(line, column) {
  switchTo("text");
  source.jump(line, column);
}

function changed() {
  showUnsaved();
  filling.render();
  preview.stale();
  refreshSoon();
  keepSoon();
}

// Without it nothing is completed; all else works.
async function learn() {
  const response = await fetch(at("/template-vocabulary")).catch(() => null);
  if (response?.ok) schema.learn(await response.json());
  filling.render();
}

// While an older draft waits for an answer, nothing is written over it.
function keepDraft() {
  if (!offer.hidden) return;
  if (source.value === saved) draft.drop();
  else draft.write(source.value, etag);
}

function offerDraft() {
  const kept = draft.read();
  if (!kept || kept.text === source.value) return;
  const words = [t("It is from {when}.", { when: clock(kept.at) })];
  if (kept.etag !== etag) words.push(t("A newer version was saved since; saving shows what differs."));
  offer.querySelector("[data-draft-when]").textContent = words.join(" ");
  offer.hidden = false;
  offer.querySelector("[data-draft-take]").addEventListener("click", () => {
    offer.hidden = true;
    etag = kept.etag; // so that nothing saved since is overwritten unseen
    takeText(kept.text);
  });
  offer.querySelector("[data-draft-drop]").addEventListener("click", () => {
    offer.hidden = true;
    keepDraft();
    if (source.isShown) source.focus();
  });
}

function takeText(text) {
  source.replace(text);
  if (source.isShown) source.jump(1, 1);
}

function showUnsaved() {
  form.classList.toggle("is-unsaved", !etag || source.value !== saved);
}

// Both at once. A preview of what is wrong would only repeat what the list of problems says: the last right one stays.
function refresh() {
  preview.show(source.value, check());
}

// Whether what stands there now is right; false as well when something newer was typed meanwhile.
async function check() {
  const number = ++checkNumber;
  let found;
  try {
    const response = await fetch(at("/template-check"), { method: "POST", body: new URLSearchParams({ source: source.value, template: form.dataset.key }) });
    if (!response.ok) throw new Error(response.statusText);
    found = await response.json();
  } catch {
    verdict.textContent = t("The template could not be checked; is the server reachable?");
    verdict.dataset.level = "warning";
    return false;
  }
  if (number !== checkNumber) return false;
  schema.checked(found);
  show(found);
  return !found.errors.length;
}

function show({ errors, warnings }) {
  source.mark([...errors.map((issue) => ({ ...issue, level: "error" })), ...warnings.map((issue) => ({ ...issue, level: "warning" }))]);
  filling.mark(errors);
  problemNumber = -1;
  problems.replaceChildren(...errors.map((issue) => problem(issue, "error")), ...warnings.map((issue) => problem(issue, "warning")));
  problems.hidden = !errors.length && !warnings.length;
  verdict.dataset.level = errors.length ? "error" : warnings.length ? "warning" : "ok";
  verdict.textContent = errors.length
    ? t("{count} to correct", { count: errors.length })
    : warnings.length
      ? t("Works, with {count} to look at", { count: warnings.length })
      : t("No problems found");
}

function problem(issue, level) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = `source-problem source-problem--${level} bare hovers rows gap-0-3 small breaks`;
  button.dataset.line = issue.line;
  button.dataset.column = issue.column;
  const place = document.createElement("span");
  place.className = "source-problem__place numeric";
  place.textContent = `${issue.line}:${issue.column}`;
  const kind = document.createElement("span");
  kind.className = "source-problem__kind";
  kind.textContent = level === "error" ? t("Error") : t("Warning");
  const text = document.createElement("span");
  text.textContent = issue.message;
  button.append(place, kind, text);
  item.append(button);
  return item;
}

function nextProblem(step) {
  const found = problems.children;
  if (!found.length) return;
  problemNumber = (problemNumber + step + found.length) % found.length;
  const button = found[problemNumber].firstElementChild;
  button.scrollIntoView({ block: "nearest" });
  goTo(Number(button.dataset.line), Number(button.dataset.column));
  verdict.textContent = [...button.children].map((part) => part.textContent).join(" "); // said aloud, as the text area itself says nothing of it
}

async function save({ button = saveButton, then = edit } = {}) {
  const name = nameInput ? nameInput.value.trim() : form.dataset.name;
  if (nameInput && !nameInput.reportValidity()) return;
  button.setAttribute("aria-busy", "true");
  const text = source.value;
  try {
    const said = noteInput?.value.trim();
    const query = new URLSearchParams({ ...(said && { note: said }), ...ofOwner() });
    const response = await fetch(at(`/api/v1/templates/${encodeURIComponent(name)}?${query}`), {
      method: "PUT",
      headers: { "Content-Type": "application/yaml", ...(etag ? { "If-Match": etag } : { "If-None-Match": "*" }) },
      body: text,
    });
    if (response.ok) await onSaved(response, name, text, then);
    else await onRefused(response);
  } catch {
    toast(t("Not saved"), { body: t("The server could not be reached; your text is still here."), level: "danger" });
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// Whose template it is, where it is another's.
function ofOwner() {
  return form.dataset.owner ? { owner: form.dataset.owner } : {};
}

function edit(name) {
  location.assign(at(`/templates/${encodeURIComponent(name)}/edit`));
}

// Where it cannot be ordered just so, its page of orders says what is missing.
async function generate(name) {
  const response = await fetch(at("/api/v1/batches"), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ template: name }),
  }).catch(() => null);
  const { batch_id: batch } = response?.ok ? await response.json() : {};
  location.assign(batch ? at(`/batches/${batch}`) : at(`/batches/new?template=${encodeURIComponent(name)}`));
}

async function onSaved(response, name, text, then) {
  saved = text;
  etag = response.headers.get("ETag");
  if (noteInput) noteInput.value = "";
  showUnsaved();
  keepDraft();
  if (nameInput) {
    await then(name);
    return;
  }
  const { version } = await response.json();
  toast(t("Saved as version {version}", { version }), { level: "success" });
}

async function onRefused(response) {
  const problem = await response.json().catch(() => ({}));
  if (response.status === 412 && nameInput) {
    nameInput.setCustomValidity(t("There is already a template of this name; choose another."));
    nameInput.reportValidity();
    nameInput.addEventListener("input", () => nameInput.setCustomValidity(""), { once: true });
    return;
  }
  if (response.status === 412) return settle();
  const body = problem.errors?.length ? problem.errors.map((each) => `${each.field} ${each.message}`).join("\n") : problem.detail;
  toast(t("Not saved"), { body: body ?? response.statusText, level: "danger" });
  const [line, column] = (problem.errors?.[0]?.field ?? "").split(":").map(Number);
  if (line) goTo(line, column || 1);
}

// A newer version is there: it is overwritten only by whoever has seen what differs, and only that very version.
async function settle() {
  const { choice, version } = await chooseBetween(conflict, form.dataset.compareUrl, source.value);
  if (choice === "mine") {
    etag = `"${version}"`;
    return save();
  }
  if (choice === "theirs") {
    const query = new URLSearchParams({ version, ...ofOwner() });
    const response = await fetch(at(`/api/v1/templates/${encodeURIComponent(form.dataset.name)}?${query}`));
    if (!response.ok) throw new Error(response.statusText);
    saved = await response.text();
    etag = `"${version}"`;
    document.activeElement?.blur(); // a field keeps what stands in it while it has the focus
    takeText(saved);
  }
  if (source.isShown) source.focus();
}

function later(work, ms) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}
