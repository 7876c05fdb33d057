// Says the values in charts where the pointer is, or where arrow keys lead; the drawings need it not.
(function () {
  "use strict";
  var told = JSON.parse(document.getElementById("charts").textContent);
  var KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  function element(name, className, text) {
    var made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function numbers(text) { return (text || "").split(" ").map(Number); }

  // The drawing that the window shows: one for wide windows, one for narrow ones.
  function shown(canvas) {
    return Array.from(canvas.querySelectorAll("svg")).find(function (svg) { return svg.getClientRects().length; });
  }

  // Where row `n` lies, in the drawing's own units.
  function place(svg, n) {
    var data = svg.dataset;
    if (data.at) {
      var field = numbers(data.field), at = numbers(data.at)[n];
      return data.way === "y" ? [(field[0] + field[2]) / 2, at] : [at, field[1] + 12];
    }
    if (data.points) { return data.points.split(" ")[n].split(",").map(Number); }
    var box = svg.querySelector("[data-marks]").children[n].getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  function nearest(distances, most) {
    var least = most, found = -1;
    distances.forEach(function (distance, n) { if (distance < least) { least = distance; found = n; } });
    return found;
  }

  function rowAt(svg, event) {
    var box = svg.getBoundingClientRect(), ratio = svg.viewBox.baseVal.width / box.width;
    var x = (event.clientX - box.left) * ratio, y = (event.clientY - box.top) * ratio;
    var data = svg.dataset;
    if (data.at) {
      var field = numbers(data.field);
      if (x < field[0] - 9 || x > field[2] + 9 || y < field[1] - 9 || y > field[3] + 9) { return -1; }
      var along = data.way === "y" ? y : x;
      return nearest(numbers(data.at).map(function (at) { return Math.abs(at - along); }), Infinity);
    }
    if (data.points) {
      return nearest(data.points.split(" ").map(function (point) {
        var at = point.split(",").map(Number);
        return at.length < 2 ? Infinity : Math.hypot(at[0] - x, at[1] - y);
      }), 24);
    }
    var marks = svg.querySelector("[data-marks]");
    return marks ? Array.prototype.indexOf.call(marks.children, event.target) : -1;
  }

  function Chart(canvas, facts) {
    var tip = element("div", "tip", ""), rule = null, current = -1;
    tip.setAttribute("role", "status");
    tip.hidden = true;
    canvas.after(tip);

    function hide() {
      tip.hidden = true;
      current = -1;
      if (rule) { rule.remove(); rule = null; }
    }

    // A line through the place, where places lie along an axis.
    function mark(svg, at) {
      if (rule) { rule.remove(); rule = null; }
      if (!svg.dataset.at) { return; }
      var field = numbers(svg.dataset.field);
      rule = document.createElementNS("http://www.w3.org/2000/svg", "path");
      rule.setAttribute("class", "rule");
      rule.setAttribute("d", svg.dataset.way === "y" ? "M" + field[0] + " " + at[1] + "H" + field[2] : "M" + at[0] + " " + field[1] + "V" + field[3]);
      svg.append(rule);
    }

    function show(svg, n) {
      var row = facts.rows[n];
      if (!row || row.slice(1).every(function (text) { return text === null; })) { return false; }
      current = n;
      tip.textContent = "";
      if (row[0]) { tip.append(element("strong", "", row[0])); }
      facts.names.forEach(function (name, number) {
        if (row[number + 1] === null) { return; }
        var line = element("div", "", "");
        if (name) { line.append(element("span", "", name)); }
        line.append(element("b", "", row[number + 1]));
        tip.append(line);
      });
      tip.hidden = false;
      var at = place(svg, n), box = svg.getBoundingClientRect(), around = tip.parentElement.getBoundingClientRect();
      mark(svg, at);
      var ratio = box.width / svg.viewBox.baseVal.width;
      var left = box.left - around.left + at[0] * ratio + 12;
      if (left + tip.offsetWidth > around.width) { left = left - tip.offsetWidth - 24; }
      tip.style.left = Math.max(0, left) + "px";
      tip.style.top = box.top - around.top + at[1] * ratio + "px";
      return true;
    }

    function step(by, from) {
      for (var n = from; n >= 0 && n < facts.rows.length; n += by) {
        if (show(shown(canvas), n)) { return; }
      }
    }

    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", function (event) {
      var svg = shown(canvas), n = rowAt(svg, event);
      if (n < 0) { hide(); } else if (n !== current) { show(svg, n) || hide(); }
    });
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("keydown", function (event) {
      var last = facts.rows.length - 1;
      if (event.key === "Escape") { hide(); return; }
      if (event.key === "Home") { step(1, 0); }
      else if (event.key === "End") { step(-1, last); }
      else if (KEYS[event.key]) { step(KEYS[event.key], current < 0 ? (KEYS[event.key] > 0 ? 0 : last) : current + KEYS[event.key]); }
      else { return; }
      event.preventDefault();
    });
    window.addEventListener("resize", hide);
  }

  document.querySelectorAll("[data-chart]").forEach(function (canvas) {
    var facts = told[Number(canvas.dataset.chart)];
    if (facts.rows.length) { Chart(canvas, facts); }
  });
})();
