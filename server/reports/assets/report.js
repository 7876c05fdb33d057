// Makes the drawn charts interactive; without it the page shows them as they were drawn.
(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var data = JSON.parse(document.getElementById("charts").textContent);
  var live = [];

  function style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  // The option's own colours are those of paper; on a dark page the page's go before them.
  function recolored(option) {
    if (!dark.matches) { return option; }
    var colors = { "#1f2933": style("--ink"), "#66717e": style("--muted"), "#e3e7ec": style("--line"), "#ffffff": style("--page") };
    return JSON.parse(JSON.stringify(option), function (_key, value) {
      return typeof value === "string" && colors[value] ? colors[value] : value;
    });
  }

  function draw(entry) {
    var option = jinduCharts.prepare(recolored(entry.option), entry.facts);
    option.textStyle = Object.assign({}, option.textStyle, { fontFamily: getComputedStyle(document.body).fontFamily });
    option.tooltip = Object.assign({
      backgroundColor: style("--page"), borderColor: style("--line"), textStyle: { color: style("--ink"), fontSize: 13 },
    }, option.tooltip);
    option.aria = { enabled: false }; // the element is labelled by its page
    if (entry.chart) { entry.chart.dispose(); }
    entry.chart = echarts.init(entry.element, null, { renderer: "svg" });
    entry.chart.setOption(option);
  }

  document.querySelectorAll("[data-chart]").forEach(function (element) {
    var entry = { element: element, option: null, facts: null, chart: null };
    Object.assign(entry, data[Number(element.dataset.chart)]);
    element.textContent = "";
    element.classList.remove("still");
    try { draw(entry); } catch (error) { element.textContent = String(error); return; }
    live.push(entry);
  });
  function resize() { live.forEach(function (entry) { entry.chart.resize(); }); }
  window.addEventListener("resize", resize);
  window.addEventListener("beforeprint", resize);
  dark.addEventListener("change", function () { live.forEach(draw); });
})();
