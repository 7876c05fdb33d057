// What the server's own jobs do at a moment, in the reader's language; scripts of people say theirs in their own words.

import { t } from "./i18n.js";

export function stageText(stage) {
  const texts = {
    unpacking: t("unpacking"),
    detecting: t("detecting"),
    reading: t("reading"),
    checking: t("checking"),
    measuring: t("measuring"),
    merging: t("merging"),
    finishing: t("finishing"),
    joining: t("joining"),
    receiving: t("receiving"),
    expanding: t("expanding"),
    sorting: t("sorting"),
    rendering: t("rendering"),
    counting: t("counting"),
  };
  return Object.hasOwn(texts, stage) ? texts[stage] : stage;
}
