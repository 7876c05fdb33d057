// The template editor: a plain text area with line numbers, colours, live checks and a preview beside it.

import { ask } from "./dialog.js";
import { t } from "./i18n.js";
import { highlight } from "./template-colours.js";
import { toast } from "./toasts.js";

const CHECK_AFTER_MS = 350;
const PREVIEW_AFTER_MS = 700;
const INDENT = "  ";

const form = document.querySelector("form[data-editor]");
const source = form.querySelector("textarea");
const colours = form.querySelector(".editor__colours");
const gutter = form.querySelector(".editor__gutter");
const problems = document.querySelector("[data-problems]");
const verdict = document.querySelector("[data-verdict]");
const saveButton = form.querySelector("[data-save]");
const previewForm = document.querySelector("form[data-preview]");
const frames = document.querySelector("[data-preview-frames]");
const nameInput = form.querySelector("[name=name]");
const generateButton = form.querySelector("[data-generate]"); // of a template that asks for nothing

let saved = source.value;
let etag = form.dataset.etag;
let checkNumber = 0;
let tabLeaves = false;
let frameNumber = 0;
const checkSoon = later(check, CHECK_AFTER_MS);
const previewSoon = later(preview, PREVIEW_AFTER_MS);
const marks = new Map(); // line → "error" or "warning"

paint();
check();
source.addEventListener("input", () => {
  paint();
  checkSoon();
});
source.addEventListener("scroll", followScroll);
source.addEventListener("keydown", onKey);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
nameInput?.addEventListener("input", showUnsaved);
generateButton?.addEventListener("click", () => save({ button: generateButton, then: generate }));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    save();
  }
});
addEventListener("beforeunload", (event) => {
  if (source.value !== saved) event.preventDefault();
});
previewForm.addEventListener("input", previewSoon);
previewForm.addEventListener("submit", (event) => {
  event.preventDefault();
  preview();
});
problems.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  if (button) jump(Number(button.dataset.line), Number(button.dataset.column));
});

function paint() {
  colours.innerHTML = `${highlight(source.value, marks)}\n`;
  const lines = source.value.split("\n").length;
  if (gutter.childElementCount !== lines) {
    gutter.replaceChildren(...Array.from({ length: lines }, (_, index) => lineNumber(index + 1)));
  }
  markGutter();
  followScroll();
  showUnsaved();
}

function lineNumber(number) {
  const element = document.createElement("span");
  element.textContent = number;
  return element;
}

function markGutter() {
  [...gutter.children].forEach((element, index) => {
    const mark = marks.get(index + 1);
    element.className = mark ? `is-${mark}` : "";
  });
}

function followScroll() {
  colours.style.transform = `translate(${-source.scrollLeft}px, ${-source.scrollTop}px)`;
  gutter.style.transform = `translateY(${-source.scrollTop}px)`;
}

function showUnsaved() {
  form.classList.toggle("is-unsaved", !etag || source.value !== saved);
}

function onKey(event) {
  if (event.key === "Escape") {
    tabLeaves = true; // as in other editors: Escape, then Tab, goes on to the next control
    return;
  }
  if (event.key === "Tab" && !tabLeaves && !event.altKey && !event.ctrlKey) {
    event.preventDefault();
    if (event.shiftKey) outdent();
    else insert(INDENT);
  } else if (event.key === "Enter" && !event.isComposing) {
    const line = source.value.slice(source.value.lastIndexOf("\n", source.selectionStart - 1) + 1, source.selectionStart);
    event.preventDefault();
    insert(`\n${/^\s*/.exec(line)[0]}`);
  }
  if (event.key !== "Shift") tabLeaves = false;
}

function insert(text) {
  // keeps the browser's own undo, which setRangeText would lose
  document.execCommand("insertText", false, text);
}

function outdent() {
  const start = source.value.lastIndexOf("\n", source.selectionStart - 1) + 1;
  if (!source.value.startsWith(INDENT, start)) return;
  const position = source.selectionStart;
  source.setSelectionRange(start, start + INDENT.length);
  document.execCommand("delete");
  source.setSelectionRange(Math.max(start, position - INDENT.length), Math.max(start, position - INDENT.length));
}

async function check() {
  const number = ++checkNumber;
  let found;
  try {
    const response = await fetch(form.dataset.checkUrl, {
      method: "POST",
      headers: { "Content-Type": "application/yaml" },
      body: source.value,
    });
    if (!response.ok) throw new Error(response.statusText);
    found = await response.json();
  } catch {
    verdict.textContent = t("The template could not be checked; is the server reachable?");
    verdict.dataset.level = "warning";
    return;
  }
  if (number !== checkNumber) return; // something newer was typed meanwhile
  show(found);
  if (!found.errors.length) previewSoon();
}

function show({ errors, warnings }) {
  marks.clear();
  for (const issue of warnings) marks.set(issue.line, "warning");
  for (const issue of errors) marks.set(issue.line, "error");
  colours.innerHTML = `${highlight(source.value, marks)}\n`;
  markGutter();
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
  button.className = `problem problem--${level}`;
  button.dataset.line = issue.line;
  button.dataset.column = issue.column;
  const place = document.createElement("span");
  place.className = "problem__place numeric";
  place.textContent = `${issue.line}:${issue.column}`;
  const kind = document.createElement("span");
  kind.className = "problem__kind";
  kind.textContent = level === "error" ? t("Error") : t("Warning");
  const text = document.createElement("span");
  text.textContent = issue.message;
  button.append(place, kind, text);
  item.append(button);
  return item;
}

function jump(line, column) {
  const lines = source.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const position = Math.min(start + Math.max(0, column - 1), source.value.length);
  source.focus();
  source.setSelectionRange(position, position);
  const height = source.scrollHeight / lines.length;
  source.scrollTop = Math.max(0, (line - 1) * height - source.clientHeight / 3);
}

async function save({ button = saveButton, then = edit } = {}) {
  const name = nameInput ? nameInput.value.trim() : form.dataset.name;
  if (nameInput && !nameInput.reportValidity()) return;
  button.setAttribute("aria-busy", "true");
  const text = source.value;
  try {
    const response = await fetch(`/api/v1/templates/${encodeURIComponent(name)}`, {
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

function edit(name) {
  location.assign(`/templates/${encodeURIComponent(name)}/edit`);
}

// Where it cannot be ordered just so, its page of orders says what is missing.
async function generate(name) {
  const response = await fetch("/api/v1/batches", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ template: name }),
  }).catch(() => null);
  const { batch_id: batch } = response?.ok ? await response.json() : {};
  location.assign(batch ? `/batches/${batch}` : `/batches/new?template=${encodeURIComponent(name)}`);
}

async function onSaved(response, name, text, then) {
  saved = text;
  etag = response.headers.get("ETag");
  showUnsaved();
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
  if (response.status === 412) {
    const overwrite = await ask({
      title: t("It was changed meanwhile"),
      text: t("Somebody, or another tab, saved a newer version. Yours can be saved on top of it; theirs stays among the versions."),
      confirmLabel: t("Save mine on top"),
    });
    if (!overwrite) return;
    etag = "*";
    await save();
    return;
  }
  const body = problem.errors?.length ? problem.errors.map((each) => `${each.field} ${each.message}`).join("\n") : problem.detail;
  toast(t("Not saved"), { body: body ?? response.statusText, level: "danger" });
}

// Each preview loads into a fresh frame, which replaces the old one once it is there: no flash, no entry in the history.
function preview() {
  if ([...marks.values()].includes("error")) return; // it would only repeat what the list of problems says
  previewForm.elements.source.value = source.value;
  const frame = document.createElement("iframe");
  frame.name = `preview-${++frameNumber}`;
  frame.title = t("Preview");
  frame.setAttribute("sandbox", "allow-scripts allow-modals");
  frame.className = "preview__frame is-coming";
  frames.append(frame);
  frames.setAttribute("aria-busy", "true");
  frame.addEventListener("load", () => {
    for (const old of [...frames.children]) {
      if (old === frame) break;
      old.remove();
    }
    frame.classList.remove("is-coming");
    if (frame === frames.lastElementChild) frames.removeAttribute("aria-busy");
  });
  previewForm.target = frame.name;
  previewForm.submit();
}

function later(work, ms) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}
