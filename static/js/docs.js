// The pages of the HTTP API. Without scripts they can be read and searched; with them, tried.

import "./copy-button.js";
import { startChoosingExamples, startFinding } from "./docs-finding.js";
import { startTrying } from "./docs-trying.js";

startFinding();
startChoosingExamples();
startTrying();
