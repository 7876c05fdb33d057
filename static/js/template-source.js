// A template's source to be read: its colours.

import { highlight } from "./template-colours.js";

const shown = document.querySelector("[data-source]");
const lines = [...shown.querySelectorAll(".line")].map((line) => line.textContent);
shown.innerHTML = highlight(lines.join("\n"), new Map());
