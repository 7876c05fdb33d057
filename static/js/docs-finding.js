// Finding a request while its words are typed, and the language that examples are in.

import { own } from "./addresses.js";

const LANGUAGE = own("jindu-examples");

export function startFinding() {
  const input = document.getElementById("docs-q");
  if (!input) return;
  followOldAddress();
  const groups = [...document.querySelectorAll(".docs__group")].map((group) => ({
    group,
    rows: [...group.querySelectorAll("li")].map((row) => [row, row.textContent.toLowerCase()]),
  }));
  const nothing = document.querySelector("[data-nothing]");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { group, rows } of groups) {
      for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
      group.hidden = rows.every(([row]) => row.hidden);
    }
    nothing.hidden = groups.some(({ group }) => !group.hidden);
  });
}

// `/docs#/jobs/list_jobs` was the address of a request until 2026; people have kept some.
function followOldAddress() {
  const name = /^#\/[\w-]+\/([\w-]+)$/.exec(location.hash)?.[1];
  const link = name && document.getElementById(`to-${name}`);
  if (link) location.replace(link.href);
}

export function startChoosingExamples() {
  const choices = [...document.querySelectorAll("[name=examples]")];
  const kept = localStorage.getItem(LANGUAGE);
  for (const choice of choices) {
    if (choice.value === kept) choice.checked = true;
    choice.addEventListener("change", () => localStorage.setItem(LANGUAGE, choice.value));
  }
}
