// The little light in the top bar: live, live by the fallback, reconnecting, offline or signed out.

import { t } from "./i18n.js";

const texts = {
  connected: t("Live"),
  connecting: t("Reconnecting"),
  offline: t("Offline"),
  closed: t("Not live; reload the page"),
};
const fallback = {
  text: t("Live (fallback)"),
  title: t("Something on this network blocks WebSockets; messages come as server-sent events instead."),
};

export function showConnectionState(state, transport) {
  const box = document.getElementById("connection-state");
  if (!box) return;
  const isFallback = state === "connected" && transport === "sse";
  const text = isFallback ? fallback.text : (texts[state] ?? state);
  box.dataset.state = state;
  box.dataset.transport = transport ?? "";
  box.title = isFallback ? fallback.title : "";
  const shown = box.querySelector(".connection__text");
  if (shown.textContent !== text) shown.textContent = text; // else a screen reader says it again
}
