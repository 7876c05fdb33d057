// Draws the answer of a query as bars or lines. ECharts is large: it is loaded when somebody wants to see a chart.

import { number, t } from "./i18n.js";

const LIBRARY = new URL("../vendor/echarts-6.0.0/echarts.min.js", import.meta.url).href;
const COLOURS = ["--accent-strong", "--info", "--success", "--danger", "--warning", "--ink-soft"];

let loading = null;
let chart = null;

export function startChart(answer) {
  answer.addEventListener("toggle", (event) => event.target.matches("[data-chart]") && draw(answer), true);
  answer.addEventListener("change", (event) => event.target.closest("[data-chart]") && draw(answer));
  answer.addEventListener("answered", () => draw(answer));
  addEventListener("resize", () => chart?.resize());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(answer));
  new MutationObserver(() => draw(answer)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

async function draw(answer) {
  const panel = answer.querySelector("[data-chart]");
  chart?.dispose();
  chart = null;
  if (!panel?.open) return;
  const place = panel.querySelector("[data-chart-place]");
  try {
    await library();
  } catch {
    place.textContent = t("The server could not be reached. Try again in a moment.");
    return;
  }
  place.textContent = "";
  const data = JSON.parse(panel.querySelector("[data-chart-data]").textContent);
  chart?.dispose();
  chart = window.echarts.init(place);
  chart.setOption(optionOf(data, panel));
}

function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.onload = resolve;
    script.onerror = () => {
      loading = null;
      reject(new Error(LIBRARY));
    };
    document.head.append(script);
  });
  return loading;
}

// As a canvas takes it: the token itself may be a pair for light and dark.
function resolved(name, place) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionOf({ names, numbers, rows }, panel) {
  const [kind, x, y] = ["kind", "x", "y"].map((name) => panel.querySelector(`[data-chart-${name}]`).value);
  const colour = (name) => resolved(name, panel);
  const places = y === "" ? numbers.filter((place) => place !== Number(x)) : [Number(y)];
  const ink = { color: colour("--ink-soft"), fontFamily: getComputedStyle(document.body).fontFamily };
  const line = { lineStyle: { color: colour("--line") } };
  return {
    animation: false,
    textStyle: ink,
    color: COLOURS.map(colour),
    grid: { left: 8, right: 16, top: places.length > 1 ? 40 : 16, bottom: 8, containLabel: true },
    legend: { show: places.length > 1, type: "scroll", textStyle: ink },
    tooltip: {
      trigger: "axis",
      confine: true,
      backgroundColor: colour("--raised"),
      borderColor: colour("--line"),
      textStyle: { ...ink, color: colour("--ink") },
      valueFormatter: (value) => (value === null || value === undefined ? "–" : number(value)),
    },
    xAxis: {
      type: "category",
      data: rows.map((row) => (row[x] === null ? "–" : typeof row[x] === "number" ? number(row[x]) : String(row[x]))),
      axisLabel: { ...ink, hideOverlap: true, width: 120, overflow: "truncate" },
      axisLine: line,
    },
    yAxis: { type: "value", axisLabel: { ...ink, formatter: number }, splitLine: line },
    series: places.map((place) => ({
      type: kind,
      name: names[place],
      data: rows.map((row) => row[place]),
      barMaxWidth: 48,
      showSymbol: rows.length < 60,
    })),
  };
}
