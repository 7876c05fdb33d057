// Completes `@names` in a comment: of people who may see the report, and nobody else. Arrows and Enter or Tab take one.

import { t } from "./i18n.js";

const WRITTEN = /(?<![A-Za-z0-9_./@-])@(?:"([^"\n]{0,64})|([^\s"<>/\\@]{0,64}))$/;
const PLAIN = /^[^\s"<>/\\@]+$/;
const PAUSE_MS = 120;

export function startMentions(box, address) {
  const list = document.createElement("ul");
  list.id = "mention-names";
  list.className = "drop-list drop-list--of-field mention-names panel";
  list.role = "listbox";
  list.ariaLabel = t("People who may see this report");
  list.hidden = true;
  box.after(list);
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);

  let names = [];
  let chosen = 0;
  let timer = null;
  let asked = 0;

  const close = () => {
    asked += 1; // an answer that is under way comes too late
    clearTimeout(timer);
    list.hidden = true;
    names = [];
    box.removeAttribute("aria-activedescendant");
  };

  const choose = (place) => {
    chosen = (place + names.length) % names.length;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    box.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  };

  const written = () => (box.selectionStart === box.selectionEnd ? WRITTEN.exec(box.value.slice(0, box.selectionStart)) : null);

  const look = async (found) => {
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams({ q: found[1] ?? found[2] });
    const response = await fetch(`${address}?${query}`).catch(() => null);
    const answer = response?.ok ? (await response.json()).users : [];
    if (mine !== asked || !written()) return;
    names = answer;
    list.replaceChildren(...names.map(itemOf));
    list.hidden = !names.length;
    if (names.length) choose(0);
  };

  const take = (place) => {
    const [whole] = written() ?? [""];
    const name = names[place];
    close();
    box.focus();
    box.setSelectionRange(box.selectionStart - whole.length, box.selectionStart);
    document.execCommand("insertText", false, PLAIN.test(name) ? `@${name} ` : `@"${name}" `); // keeps the browser's own undo
    close();
  };

  const itemOf = (name, index) => {
    const item = document.createElement("li");
    item.id = `mention-${index}`;
    item.role = "option";
    item.textContent = name;
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      take(index);
    });
    return item;
  };

  const soon = () => {
    const found = written();
    if (!found) return close();
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS, found);
    return undefined;
  };

  box.addEventListener("input", (event) => {
    if (!event.isComposing) soon();
  });
  box.addEventListener("compositionstart", close);
  box.addEventListener("compositionend", () => setTimeout(soon));
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}
