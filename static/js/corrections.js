// The grid of rejected rows: says how many are changed, and keeps what is typed.

import { number } from "./i18n.js";

const page = document.querySelector("[data-corrections]");

page?.addEventListener("input", show);
page?.addEventListener("keydown", onKey);
// The whole cell, clear of the lines and names that stay in sight.
page?.addEventListener("focusin", (event) => event.target.closest("td")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
// Once the rows were judged the grid is here to be typed in: nothing may be swapped away from now on.
document.addEventListener("fragment:swapped", (event) => {
  if (event.target !== page || !page.querySelector("form")) return;
  page.removeAttribute("data-live-fragment");
  page.removeAttribute("data-live-on");
  showWrongCell();
});
showWrongCell();

// On a phone the first wrong cell may stand beside what is in sight; the page itself stays where it is.
function showWrongCell() {
  const cell = page?.querySelector(".is-misfit");
  const frame = cell?.closest(".sheet-frame");
  if (!frame) return;
  const hidden = cell.getBoundingClientRect().right - frame.getBoundingClientRect().right;
  if (hidden > 0) frame.scrollLeft += hidden + cell.offsetWidth / 2;
}

// What was typed and not sent is lost with the page: the browser asks.
window.addEventListener("beforeunload", (event) => {
  if (!page?.dataset.sent && changedRows().length) event.preventDefault();
});
page?.addEventListener("submit", () => {
  page.dataset.sent = "1";
  window.addEventListener("pageshow", () => delete page.dataset.sent, { once: true });
});

// Enter leads down a column, as in a sheet; the button imports, or Ctrl and Enter.
function onKey(event) {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) return event.target.form.requestSubmit();
  const cell = event.target.closest("td");
  const below = cell.closest("tbody").nextElementSibling?.rows[0].cells[cell.cellIndex];
  below?.querySelector("input, textarea").focus();
  return undefined;
}

function changedRows() {
  return [...page.querySelectorAll("tbody")].filter((row) =>
    [...row.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue),
  );
}

function show() {
  const changed = changedRows();
  for (const row of page.querySelectorAll("tbody")) row.classList.toggle("is-changed", changed.includes(row));
  const line = page.querySelector("[data-changed]");
  line.textContent = changed.length === 1 ? line.dataset.one : line.dataset.many.replace("{count}", number(changed.length));
}
