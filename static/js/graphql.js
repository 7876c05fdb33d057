// The page to try GraphQL: an operation goes out, and what comes back is shown as it comes.

import { t } from "./i18n.js";

const MOST_SHOWN = 50; // results of a subscription, the newest first
const form = document.querySelector("[data-graphql]");
const query = form.querySelector("#graphql-query");
const stop = form.querySelector("[data-stop]");
let running = null;

form.querySelector("[data-example]").addEventListener("change", (event) => {
  query.value = event.target.value;
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
stop.addEventListener("click", () => running?.abort());

async function run() {
  running?.abort();
  let variables;
  try {
    variables = JSON.parse(form.querySelector("#graphql-variables").value || "{}");
  } catch {
    return tell(t("The variables are not valid JSON."));
  }
  const mine = (running = new AbortController());
  stop.hidden = false;
  const results = [];
  tell(t("Waiting…"));
  try {
    for await (const result of sent({ query: query.value, variables }, mine.signal)) {
      results.unshift(JSON.stringify(result, null, 2));
      results.length = Math.min(results.length, MOST_SHOWN);
      form.querySelector("[data-answer]").textContent = results.join("\n\n");
      tell(new Date().toLocaleTimeString(document.documentElement.lang));
    }
    tell(t("Done."));
  } catch {
    tell(mine.signal.aborted ? t("Stopped.") : t("The server cannot be reached."));
  }
  if (running === mine) stop.hidden = true;
}

// Everything comes as events: one result of a query, many of a subscription.
async function* sent(asked, signal) {
  const response = await fetch(form.dataset.graphql, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(asked),
    signal,
  });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    yield await response.json();
    return;
  }
  let text = "";
  for await (const piece of pieces(response.body.pipeThrough(new TextDecoderStream()))) {
    const events = (text + piece).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = /^data: (.+)$/m.exec(event);
      if (data) yield JSON.parse(data[1]);
    }
  }
}

// Not every browser can go through a stream with `for await`.
async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function tell(said) {
  form.querySelector("[data-status]").textContent = said;
}
