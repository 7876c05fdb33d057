// A form with `data-auto-submit` is sent when a choice in it changes; texts are sent with Enter or the button.

export function startSubmittingChoices() {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-auto-submit] :is(select, input[type=date])")) target.form.requestSubmit();
  });
}
