// The columns of the import wizard: heads and cards open their settings, chips lead to what is to be looked at.

const cells = (place) => document.querySelectorAll(`.sheet tbody td:nth-child(${Number(place) + 2})`);
export const settingsOf = (place) => document.getElementById(`c${place}-settings`);

// The table and the cards have a head each; one of them is drawn.
function headOf(place) {
  return [...document.querySelectorAll(`[data-head="${place}"]`)].find((head) => head.checkVisibility());
}

function openSettings(place) {
  const settings = settingsOf(place);
  if (!settings.matches(":popover-open")) settings.showPopover({ source: headOf(place) });
  return settings;
}

// Opens whatever a field stands in, and gives it the focus.
export function reveal(field) {
  const settings = field.closest("[data-settings]");
  if (settings) showHead(settings.dataset.settings);
  if (settings) openSettings(settings.dataset.settings);
  for (let details = field.closest("details"); details; details = details.parentElement.closest("details")) {
    details.open = true;
  }
  field.focus();
}

function showHead(place) {
  const head = headOf(place);
  head?.scrollIntoView({ block: "nearest", inline: "center" });
  return head;
}

// Where a chip leads.
export function follow(chip) {
  const { place, setting, code } = chip.dataset;
  if (place === undefined) return showNote(code, setting);
  const settings = settingsOf(place);
  const mistake = settings.querySelector("[aria-invalid]");
  if (mistake) return reveal(mistake);
  if (code !== "misfits") return reveal(settings.querySelector("[data-format] select") ?? settings.querySelector("[data-typing]"));
  const head = showHead(place);
  [...cells(place)].find((cell) => cell.matches(".is-misfit"))?.scrollIntoView({ block: "nearest", inline: "center" });
  return head.focus({ preventScroll: true });
}

function showNote(code, setting) {
  const note = document.getElementById(`note-${code}`);
  reveal(document.getElementById(setting) ?? note);
  note.scrollIntoView({ block: "nearest" });
}

export function showName(place, name) {
  for (const shown of document.querySelectorAll(`[data-name-of="${place}"]`)) shown.textContent = name;
}

export function showKept(place, isKept) {
  const shown = [...document.querySelectorAll(`[data-column="${place}"]`), ...cells(place)];
  for (const element of shown) element.classList.toggle("is-left-out", !isKept);
}

// A chip and a mark at its heads for each column with a mistake; `places` are all of them.
export function showMistakes(places) {
  const chips = document.getElementById("problems");
  if (!chips) return;
  const present = new Set();
  for (const chip of chips.querySelectorAll('[data-code="mistake"]')) {
    if (places.has(Number(chip.dataset.place))) present.add(Number(chip.dataset.place));
    else chip.closest("li").remove();
  }
  for (const place of [...places].filter((each) => !present.has(each))) chips.prepend(mistakeChip(place));
  for (const head of document.querySelectorAll("[data-head]")) {
    head.classList.toggle("has-mistake", places.has(Number(head.dataset.head)));
  }
}

function mistakeChip(place) {
  const item = document.getElementById("mistake-chip").content.firstElementChild.cloneNode(true);
  const chip = item.querySelector("a");
  chip.href = `#c${place}-open`;
  chip.dataset.place = place;
  chip.querySelector("b").textContent = settingsOf(place).querySelector("[data-name]").value || place + 1;
  return item;
}
