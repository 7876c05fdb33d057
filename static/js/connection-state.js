// The little light in the top bar: live, reconnecting, offline or signed out.

import { t } from "./i18n.js";

const texts = {
  connected: t("Live"),
  connecting: t("Reconnecting"),
  offline: t("Offline"),
  closed: t("Not live; reload the page"),
};

export function showConnectionState(state) {
  const box = document.getElementById("connection-state");
  if (!box || box.dataset.state === state) return;
  box.dataset.state = state;
  box.querySelector(".connection__text").textContent = texts[state] ?? state;
}
