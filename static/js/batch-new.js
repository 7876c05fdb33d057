// The order form: the list of reports follows the parameters, the button says how many will be made.

import { at } from "./addresses.js";
import { number, t } from "./i18n.js";
import { swap } from "./swap.js";

const REFRESH_AFTER_MS = 400;

const form = document.querySelector("form[data-order]");
const parameters = form.querySelector("[data-parameters]");
const expansion = form.querySelector("[data-expansion]");
const button = form.querySelector("[data-generate]");
const label = button.querySelector("span:last-child");
let refreshNumber = 0;
let timer;
const boxes = () => [...expansion.querySelectorAll("[name=pick]")];

form.addEventListener("input", (event) => {
  if (event.target.name.startsWith("p.")) {
    clearTimeout(timer);
    timer = setTimeout(refresh, REFRESH_AFTER_MS);
  }
  showCount();
});
// Another day means other defaults (last month), another region other cities: what was not touched follows.
form.addEventListener("change", (event) => {
  if (event.target === form.elements.as_of || event.target.closest("[data-followed]")) refreshFields();
});

async function refreshFields() {
  const query = new URLSearchParams({ template: form.elements.template.value, as_of: form.elements.as_of.value });
  for (const field of touched()) {
    if (field.type !== "checkbox" || field.checked) query.append(field.name, field.value);
  }
  const response = await fetch(at(`/batches/new?${query}`));
  if (response.ok) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    swap(parameters, page.querySelector("[data-parameters]").innerHTML);
  }
  refresh();
}

form.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-pick]")?.dataset.pick;
  if (!pick) return;
  for (const box of boxes()) box.checked = pick === "all";
  showCount();
});
form.addEventListener("submit", () => {
  button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => button.removeAttribute("aria-busy"));
showCount();

// Of several fields with one name all count once one of them was touched.
function touched() {
  const fields = [...parameters.querySelectorAll("[name]")];
  const names = new Set(fields.filter(isTouched).map((field) => field.name));
  return fields.filter((field) => names.has(field.name));
}

function isTouched(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  return [...field.options].some((option) => option.selected !== option.defaultSelected);
}

function showCount() {
  const all = boxes();
  const total = all.length ? all.filter((box) => box.checked).length : Number(expansion.querySelector("[data-total]")?.dataset.total ?? 0);
  const formats = form.querySelectorAll("[name=format]:checked").length;
  button.disabled = !total || !formats;
  label.textContent = total === 1 ? t("Generate 1 report") : t("Generate {count} reports", { count: number(total) });
  const figure = expansion.querySelector(".expansion__number");
  if (figure) figure.textContent = number(total);
}

async function refresh() {
  const mine = ++refreshNumber;
  expansion.setAttribute("aria-busy", "true");
  const data = new FormData(form);
  data.delete("pick");
  try {
    const response = await fetch(at("/batches/new/expansion"), { method: "POST", body: new URLSearchParams(data) });
    if (!response.ok || mine !== refreshNumber) return;
    swap(expansion, await response.text());
    showCount();
  } finally {
    if (mine === refreshNumber) expansion.removeAttribute("aria-busy");
  }
}
