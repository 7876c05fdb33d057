// A report stands in its frame at its full height: the page scrolls, not the frame in it. The report is of nobody's
// origin, so it is asked and answers; reports of older versions say nothing and keep the height of the style sheet.

const MOST_PIXELS = 20_000; // beyond, browsers draw slowly; then the frame scrolls after all

const frames = () => [...document.querySelectorAll("iframe[data-report-frame]")];

addEventListener("message", ({ source, data }) => {
  const frame = frames().find((each) => each.contentWindow === source);
  if (!frame || !Number.isFinite(data?.height)) return;
  const borders = frame.offsetHeight - frame.clientHeight;
  frame.style.height = `${Math.min(data.height, MOST_PIXELS) + borders}px`;
});

const ask = () => frames().forEach((frame) => frame.contentWindow.postMessage("height", "*"));
ask(); // it may have been here before this script
document.addEventListener("fragment:swapped", ask);

// Without a report that prints itself, its link opens what can be printed in a tab of its own.
document.addEventListener("click", (event) => {
  const [frame] = frames();
  if (!frame || !event.target.closest("[data-print]")) return;
  event.preventDefault();
  frame.contentWindow.postMessage("print", "*");
});
