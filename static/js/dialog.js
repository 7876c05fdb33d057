// Asking before something is lost: `await ask({…})`, and every `form[data-confirm]` asks before it is sent.

// Resolves to true when the person agrees. `text` says what will be lost.
export function ask({ title, text = "", confirmLabel, danger = false }) {
  const dialog = document.getElementById("confirm-dialog");
  const yes = dialog.querySelector("[value=yes]");
  dialog.querySelector(".dialog__title").textContent = title;
  dialog.querySelector(".dialog__text").textContent = text;
  yes.textContent = confirmLabel;
  yes.classList.toggle("button--danger", danger);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function startConfirming() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-confirm]") || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // other listeners hear it once it is agreed to
    const agreed = await ask({
      title: form.dataset.confirm,
      text: form.dataset.confirmText,
      confirmLabel: form.dataset.confirmLabel,
      danger: "confirmDanger" in form.dataset,
    });
    if (!agreed) return;
    if (!form.isConnected) {
      // the page was brought up to date while the question was open; the decision stands
      form.hidden = true;
      document.body.append(form);
    }
    form.dataset.confirmed = "yes";
    form.requestSubmit(event.submitter);
    delete form.dataset.confirmed;
  }, true);

  // a click on the backdrop closes, as Escape does
  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLDialogElement && event.target.open) event.target.close("no");
  });
}
