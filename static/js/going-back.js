// A form that was refused on a page of its own: back to where it was filled in, with what was typed.

export function startGoingBack() {
  document.querySelector("[data-back]")?.addEventListener("click", (event) => {
    if (history.length < 2) return; // the link leads to an empty form
    event.preventDefault();
    history.back();
  });
}
