// Writes numbers in charts the way the report writes them elsewhere. Runs in the browser and in the server's
// JavaScript engine, which has no Intl: everything it needs comes with the chart's facts.
var jinduCharts = (function () {
  "use strict";

  function grouped(digits, separator) {
    return digits.replace(/\B(?=(\d{3})+(?!\d))/g, separator);
  }

  // Times a power of ten without the errors of a multiplication: 0.285 is 28.5 per cent, not 28.499999999999996.
  function shifted(value, places) {
    var parts = String(value).split("e");
    return Number(parts[0] + "e" + (Number(parts[1] || 0) + places));
  }

  // Half away from zero, by the digits that people see: toFixed goes by the double, and writes 1.005 as 1.00.
  function rounded(value, decimals) {
    var whole = Math.round(shifted(value, decimals));
    return isFinite(whole) && whole < 1e21 ? shifted(whole, -decimals) : value;
  }

  function number(value, facts, decimals) {
    var fixed = rounded(Math.abs(value), decimals).toFixed(decimals);
    var parts = fixed.split(".");
    var text = grouped(parts[0], facts.group) + (parts[1] ? facts.point + parts[1] : "");
    var sign = value < 0 && Number(fixed) !== 0 ? "-" : "";
    return sign + facts.prefix + text + facts.suffix;
  }

  function trimmed(value) {
    return Number(value.toPrecision(10));
  }

  // As exact as the report's tables.
  function exact(value, facts) {
    if (value === null || value === undefined || value === "" || typeof value !== "number" || !isFinite(value)) {
      return value === null || value === undefined ? "–" : String(value);
    }
    return number(facts.factor === 100 ? shifted(value, 2) : value, facts, facts.decimals);
  }

  // For axes: 12K or 1.2万, with no more digits than tell the marks apart.
  function compact(value, facts) {
    if (typeof value !== "number") { return String(value); }
    var scaled = trimmed(value * facts.factor);
    for (var i = 0; i < facts.steps.length; i++) {
      if (Math.abs(scaled) >= facts.steps[i][0]) {
        var short = trimmed(scaled / facts.steps[i][0]);
        return number(short, Object.assign({}, facts, { suffix: facts.steps[i][1] + facts.suffix }), places(short));
      }
    }
    return number(scaled, facts, places(scaled));
  }

  function places(value) {
    var text = String(Math.abs(value));
    var dot = text.indexOf(".");
    return dot < 0 ? 0 : Math.min(text.length - dot - 1, 2);
  }

  function escaped(text) {
    return String(text).replace(/[&<>"']/g, function (c) {
      return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }[c];
    });
  }

  // Options are JSON: where a number is to be written, they only say how.
  function prepare(option, facts) {
    function of(how) { return how === "line" ? facts.line : how === "plain" ? facts.plain : facts.main; }
    function visit(node) {
      if (!node || typeof node !== "object") { return; }
      Object.keys(node).forEach(function (key) { if (key !== "data" && key !== "dataset") { visit(node[key]); } });
      var how = node.jinduFormat;
      if (!how) { return; }
      delete node.jinduFormat;
      if (node.type) { // a series
        node.tooltip = { valueFormatter: function (value) { return exact(value, of(how)); } };
      } else if (how === "name-value") {
        node.formatter = function (item) { return item.name + "  " + exact(item.value, facts.main); };
      } else if (how === "name-percent") {
        node.formatter = function (item) {
          return item.name + "\n" + rounded(item.percent, 1).toFixed(1).replace(".", facts.main.point) + "%";
        };
      } else if (how === "exact") {
        node.formatter = function (value) { return exact(value, facts.main); };
      } else if (how === "cell") {
        node.formatter = function (item) {
          var x = option.xAxis.data[item.value[0]], y = option.yAxis.data[item.value[1]];
          return escaped(y) + " · " + escaped(x) + "<br><b>" + escaped(exact(item.value[2], facts.main)) + "</b>";
        };
      } else {
        node.formatter = function (value) { return compact(value, of(how)); };
      }
    }
    visit(option);
    if (option.tooltip && !option.tooltip.valueFormatter) {
      option.tooltip.valueFormatter = function (value) {
        return Array.isArray(value) ? value.join(", ") : exact(value, facts.main);
      };
    }
    return option;
  }

  return { prepare: prepare, exact: exact };
})();
