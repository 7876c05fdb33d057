// A list that is filtered by its address: each choice is applied at once, and back and forward lead from one to the next.
// The server alone knows what the list is then; without this script the form and the links lead to the same pages.

import { parsed, swap } from "./swap.js";

const TYPING_MS = 350;

const region = document.querySelector("[data-list]");
let newest = 0; // of requests: an answer that comes late is of a choice that is no longer made
let typing;

region.addEventListener("change", ({ target }) => {
  if (target.matches("[data-list-form] :is(select, input[type=date])")) go(addressOf(target.form));
});

region.addEventListener("input", (event) => {
  const { target } = event;
  if (event.isComposing || !target.matches("[data-list-form] input[type=search]")) return;
  soon(() => (target.dataset.findValues ? offer(target) : go(addressOf(target.form), { isTyping: true })));
});

region.addEventListener("compositionend", ({ target }) => target.dispatchEvent(new InputEvent("input", { bubbles: true })));

region.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-list-form]")) return;
  event.preventDefault();
  clearTimeout(typing);
  go(addressOf(event.target));
});

region.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-list-link]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.href);
});

addEventListener("popstate", () => show(location.href));

function soon(act) {
  clearTimeout(typing);
  typing = setTimeout(act, TYPING_MS);
}

// What is empty is no part of it, and neither are letters that values are looked for by.
function addressOf(form) {
  const said = [...new FormData(form)].filter(([name, value]) => value && name !== "find");
  const query = new URLSearchParams(said).toString();
  return form.action + (query ? `?${query}` : "");
}

function go(address, { isTyping = false } = {}) {
  if (address === location.href) return;
  // Letters that follow each other are one step back.
  if (isTyping && history.state?.isTyping) history.replaceState({ isTyping }, "", address);
  else history.pushState({ isTyping }, "", address);
  show(address);
}

async function show(address) {
  const number = ++newest;
  region.setAttribute("aria-busy", "true");
  const content = await contentAt(address);
  if (number !== newest) return;
  region.removeAttribute("aria-busy");
  if (!content) {
    location.assign(address); // signed out, or what is wrong stands there
    return;
  }
  const place = chips().indexOf(document.activeElement);
  const isOpen = folds(region).map((each) => each.open); // what somebody opened stays so, whatever is chosen in it
  folds(content).forEach((each, number) => (each.open = isOpen[number] ?? each.open));
  swap(region, content);
  if (!document.activeElement?.matches("[data-list-form] input")) region.querySelector("[data-list-form]")?.reset();
  if (place >= 0 && !chips().includes(document.activeElement)) (chips()[place] ?? chips().at(-1) ?? region).focus();
  document.dispatchEvent(new CustomEvent("list:changed"));
}

const folds = (root) => [...root.querySelectorAll("[data-list-form] details")];
const chips = () => [...region.querySelectorAll(".filter-chip")];

async function contentAt(address) {
  try {
    const response = await fetch(address, { headers: { "X-Fragment": "1" } });
    const fresh = response.ok && parsed(await response.text()).querySelector("[data-list]");
    if (!fresh) return null;
    const content = document.createDocumentFragment();
    content.append(...fresh.childNodes);
    return content;
  } catch {
    return null;
  }
}

async function offer(field) {
  const query = new URLSearchParams([...new FormData(field.form)].filter(([, value]) => value));
  const response = await fetch(`${field.dataset.findValues}?${query}`, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response?.ok) return;
  const found = await response.text();
  if (field.value.trim() === (query.get("find") ?? "").trim()) swap(region.querySelector("[data-offered-values]"), found);
}
