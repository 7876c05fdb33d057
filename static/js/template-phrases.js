// What CodeMirror's own panels say.

import { t } from "./i18n.js";

export const phrases = () => ({
  Find: t("Find"),
  Replace: t("Replace with"),
  next: t("Next match"),
  previous: t("Previous match"),
  all: t("All"),
  "match case": t("Match case"),
  "by word": t("Whole words"),
  regexp: t("Regular expression"),
  replace: t("Replace"),
  "replace all": t("Replace all"),
  close: t("Close"),
  "current match": t("this match"),
  "on line": t("on line"),
  "replaced match on line $": t("replaced on line {line}", { line: "$" }),
  "replaced $ matches": t("{count} replaced", { count: "$" }),
  "Go to line": t("Go to line"),
  go: t("Go"),
  Completions: t("Suggestions"),
  Diagnostics: t("Problems"),
  "No diagnostics": t("No problems found"),
  "Selection deleted": t("Selection deleted"),
  "Control character": t("Control character"),
});
