// On a narrow screen tabs scroll sideways: the one that is shown must not lie beyond the edge.

export function showCurrentTabs() {
  for (const tab of document.querySelectorAll(".tabs [aria-current=page]")) {
    const row = tab.closest(".tabs");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}
