// The picture of a report follows what is typed; a logo is sent as soon as it is chosen. What is typed is saved by its form.

import { t } from "./i18n.js";
import { swap } from "./swap.js";

const PAUSE_MS = 250;
const TYPES = new Set(["image/png", "image/jpeg"]);
const MOST_BYTES = 512 * 1024;

const page = document.querySelector("[data-brand]");
const form = document.getElementById("brand-form");
const picture = document.getElementById("brand-picture");
const part = document.getElementById("brand-logo");
const accent = form.elements.accent;
const well = form.querySelector("[data-color]");
let timer = 0;
let asked = 0;

async function draw() {
  const mine = ++asked;
  const response = await fetch(`${page.dataset.brand}/picture`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (response.ok && mine === asked) swap(picture, await response.text());
}

function drawSoon() {
  clearTimeout(timer);
  timer = setTimeout(draw, PAUSE_MS);
}

function wellFollows() {
  const color = accent.value.trim() || accent.placeholder;
  if (/^#[0-9a-f]{6}$/i.test(color)) well.value = color;
}

async function send(file) {
  const said = part.querySelector("[data-logo-error]");
  said.hidden = true;
  const problem = wrong(file) || (await sent(file));
  if (problem) {
    said.textContent = problem;
    said.hidden = false;
    return;
  }
  swap(part, await (await fetch(`${page.dataset.brand}/logo`)).text());
  show();
  await draw();
}

function wrong(file) {
  if (!TYPES.has(file.type)) return t("Choose a PNG or JPEG file.");
  return file.size > MOST_BYTES ? t("The picture is larger than 512 KiB; save it smaller (600 pixels wide are enough).") : "";
}

/** Why the server did not take it, if it did not. */
async function sent(file) {
  const response = await fetch(`${page.dataset.api}/logo`, {
    method: "PUT",
    headers: { "Content-Type": file.type },
    body: file,
  });
  if (response.ok) return "";
  return (await response.json().catch(() => ({}))).detail ?? t("The picture could not be sent.");
}

function show() {
  for (const element of part.querySelectorAll("[data-with-script]")) element.hidden = false;
}

well.hidden = false;
well.disabled = accent.closest("fieldset").disabled;
show();
form.addEventListener("input", (event) => {
  if (event.target === well) accent.value = well.value;
  else if (event.target === accent) wellFollows();
  drawSoon();
});
part.addEventListener("change", (event) => {
  if (event.target.matches("[data-logo]") && event.target.files.length) send(event.target.files[0]);
});
