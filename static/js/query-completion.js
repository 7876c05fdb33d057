// Completes names of datasets and columns in the box for SQL. Tab takes the first, arrows and Enter another, Escape none.

import { quoted } from "./sql-names.js";

const MOST = 8;
const WORD = /[\p{L}\p{N}_]+$/u;
const HAN = /\p{Script=Han}/u;
// Copied from the box, so that a mirror of its text breaks lines where it does.
const LOOKS = ["font", "lineHeight", "letterSpacing", "padding", "borderWidth", "borderStyle", "width", "boxSizing", "tabSize"];

export function startCompletion(box, address) {
  const list = document.createElement("ul");
  list.id = "completions";
  list.className = "drop-list drop-list--of-field panel small";
  list.role = "listbox";
  list.ariaLabel = box.labels[0]?.textContent ?? "";
  list.hidden = true;
  box.after(list);
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);

  let names = null; // {dataset: [column]}
  let found = [];
  let chosen = -1;

  const load = async () => {
    names ??= {};
    const { value } = box;
    const response = await fetch(address).catch(() => null);
    if (response?.ok) names = await response.json();
    if (box.value !== value && document.activeElement === box) show(); // who types fast has typed already
  };
  box.addEventListener("focus", load, { once: true });

  const close = () => {
    list.hidden = true;
    found = [];
    chosen = -1;
    box.removeAttribute("aria-activedescendant");
  };

  const choose = (place) => {
    chosen = place;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === place)));
    if (place < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", list.children[place].id);
  };

  const show = () => {
    const before = box.value.slice(0, box.selectionStart);
    const word = WORD.exec(before)?.[0] ?? "";
    found = names && box.selectionStart === box.selectionEnd ? candidates(names, before, word, box.value) : [];
    if (!found.length) return close();
    list.replaceChildren(...found.map(itemOf));
    choose(-1);
    place(list, box, before.length - word.length);
    list.hidden = false;
    return undefined;
  };

  const take = (index) => {
    const word = WORD.exec(box.value.slice(0, box.selectionStart))?.[0] ?? "";
    const text = found[index].text;
    close();
    box.focus();
    box.setSelectionRange(box.selectionStart - word.length, box.selectionStart);
    document.execCommand("insertText", false, text); // keeps the browser's own undo
    close();
  };

  box.addEventListener("input", (event) => {
    if (!event.isComposing) show();
  });
  box.addEventListener("compositionstart", close);
  box.addEventListener("compositionend", () => setTimeout(show));
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    // What an input method is told is not for us: its Enter and arrows choose characters.
    if (list.hidden || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose((chosen + step + found.length + (chosen < 0 && step < 0 ? 1 : 0)) % found.length);
    } else if (event.key === "Tab" && !event.shiftKey) take(Math.max(chosen, 0));
    else if (event.key === "Enter" && chosen >= 0) take(chosen);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the box keeps the focus
    const item = event.target.closest("li");
    if (item) take([...list.children].indexOf(item));
  });
}

/**
 * Columns of datasets that the statement names come first; after `orders.` its columns alone.
 * @param {Record<string, string[]>} names of the columns of each dataset
 * @returns {{name: string, of: string, text: string}[]} `text` as SQL writes it
 */
export function candidates(names, before, word, sql) {
  const owner = /([\p{L}\p{N}_]+)\.[\p{L}\p{N}_]*$/u.exec(before)?.[1];
  if (!word && !owner) return [];
  if (word.length < 2 && !HAN.test(word) && !owner) return [];
  const words = new Set(sql.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
  const all = [];
  for (const [dataset, columns] of Object.entries(names)) {
    const isNamed = words.has(dataset.toLowerCase());
    if (!owner) all.push({ name: dataset, of: "", rank: 1 });
    if (owner ? owner.toLowerCase() === dataset.toLowerCase() : true) {
      for (const column of columns) all.push({ name: column, of: dataset, rank: isNamed ? 0 : 4 });
    }
  }
  const typed = word.toLowerCase();
  const seen = new Set();
  return all
    .map((one) => ({ ...one, text: quoted(one.name), at: one.name.toLowerCase().indexOf(typed) }))
    .filter((one) => one.at >= 0 && one.name.toLowerCase() !== typed)
    .sort((a, b) => a.rank + (a.at ? 2 : 0) - (b.rank + (b.at ? 2 : 0)))
    .filter((one) => !seen.has(one.text) && seen.add(one.text))
    .slice(0, MOST);
}

function itemOf(one, index) {
  const item = document.createElement("li");
  item.id = `completion-${index}`;
  item.role = "option";
  item.className = "beside between gap-4";
  item.setAttribute("aria-selected", "false");
  const name = document.createElement("span");
  name.textContent = one.name;
  const of = document.createElement("span");
  of.className = "muted";
  of.textContent = one.of;
  item.append(name, of);
  return item;
}

// Below the word that is being typed: where a mirror of the box has it.
function place(list, box, start) {
  const mirror = document.createElement("div");
  const looks = getComputedStyle(box);
  for (const look of LOOKS) mirror.style[look] = looks[look];
  Object.assign(mirror.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word" });
  mirror.textContent = box.value.slice(0, start);
  const mark = document.createElement("span");
  mark.textContent = "\u200b";
  mirror.append(mark);
  box.after(mirror);
  const top = box.offsetTop + mark.offsetTop + mark.offsetHeight - box.scrollTop;
  const left = box.offsetLeft + mark.offsetLeft;
  mirror.remove();
  list.style.top = `${Math.min(top + 4, box.offsetTop + box.offsetHeight)}px`;
  list.style.left = `${Math.max(0, Math.min(left, box.offsetLeft + box.offsetWidth - 220))}px`;
}
