"""Charts as SVG: from what a chart holds to marks on a canvas, on paper and on a page that can be dark."""
