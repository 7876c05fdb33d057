// Bars of a small chart: one SVG rectangle a value, as high as its share of the largest.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 0.18; // of a bar's width
const LEAST = 0.04; // what is not nothing must be seen

export function drawBars(svg, values) {
  const largest = Math.max(...values, 0);
  svg.setAttribute("viewBox", `0 0 ${values.length} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  while (svg.childElementCount < values.length) svg.append(document.createElementNS(SVG, "rect"));
  while (svg.childElementCount > values.length) svg.lastElementChild.remove();
  values.forEach((value, place) => {
    const height = value ? Math.max(LEAST, value / largest) : 0;
    const bar = svg.children[place];
    bar.setAttribute("x", place + GAP / 2);
    bar.setAttribute("width", 1 - GAP);
    bar.setAttribute("y", 1 - height);
    bar.setAttribute("height", height);
  });
}
