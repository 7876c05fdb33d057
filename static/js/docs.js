// The pages of the HTTP API. Without scripts they can be read and searched; with them, tried.

import { at } from "./addresses.js";
import "./copy-button.js";
import { startChoosingExamples, startFinding } from "./docs-finding.js";
import { startTrying } from "./docs-trying.js";

// The browser knows where it asked; what a request says of that may be made up.
for (const here of document.querySelectorAll("[data-here]")) here.textContent = location.origin + at("");
startFinding();
startChoosingExamples();
startTrying();
