// Whether what the page shows is true: the little light in the top bar, and, while it may not be, `data-live="lost"` on the
// body, which dims whatever moves (progress.css), and a line that says as of when the page is and why.

import { clock, t } from "./i18n.js";
import { CONNECTION_LIMIT } from "./live-codes.js";

const texts = {
  connected: t("Live"),
  connecting: t("Connecting"),
  offline: t("Offline"),
  closed: t("Not live; reload the page"),
};
const again = t("Reconnecting");
const fallback = {
  text: t("Live (fallback)"),
  title: t("Something on this network blocks WebSockets; messages come as server-sent events instead."),
};
let ending = null; // of the last connection

/** Whether a connection was lost, or could not be had, and what is shown grows old. */
export const isLost = () => document.body.dataset.live === "lost";

export function startConnectionState(live) {
  let wasConnected = false;
  live.on("closed", (how) => {
    ending = how;
    if (isLost()) showNote(live); // the next try failed for a reason of its own
  });
  live.on("state", (state, { transport }) => {
    wasConnected ||= state === "connected";
    showLight(state, transport, wasConnected);
    const lost = state !== "connected" && (wasConnected || state !== "connecting");
    if (!lost) ending = null;
    if (lost !== isLost()) {
      if (lost) document.body.dataset.live = "lost";
      else delete document.body.dataset.live;
      document.dispatchEvent(new CustomEvent("live:changed"));
    }
    showNote(live);
  });
}

function showLight(state, transport, wasConnected) {
  const box = document.getElementById("connection-state");
  const isFallback = state === "connected" && transport === "sse";
  const text = isFallback ? fallback.text : state === "connecting" && wasConnected ? again : (texts[state] ?? state);
  box.dataset.state = state;
  box.dataset.transport = transport ?? "";
  box.title = isFallback ? fallback.title : "";
  setText(box.querySelector(".connection__text"), text);
}

function showNote(live) {
  const note = document.getElementById("live-note");
  note.hidden = !isLost();
  if (note.hidden) return;
  const isFull = ending?.code === CONNECTION_LIMIT;
  const why = isFull ? ending.reason || t("Too many connections are open.") : t("Not connected: what you see may have changed.");
  setText(note.querySelector("[data-why]"), why);
  note.querySelector("a").hidden = !isFull;
  const time = clock(live.heardAt ?? Date.parse(document.body.dataset.drawnAt));
  setText(note.querySelector("[data-as-of]"), t("As of {time}", { time }));
}

// Else a screen reader says it again.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
