// Somebody saved a newer version meanwhile: what differs from it, and what is to become of both texts.

import { swap } from "./swap.js";

// Resolves to {choice, version}: "stay", "theirs" or "mine", and the number of the version that was shown.
export async function chooseBetween(dialog, address, text) {
  const place = dialog.querySelector("[data-conflict-changes]");
  const response = await fetch(address, { method: "POST", body: new URLSearchParams({ source: text }) });
  if (!response.ok) throw new Error(response.statusText);
  swap(place, await response.text());
  const { version } = place.querySelector("[data-version]").dataset;
  dialog.returnValue = "stay";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve({ choice: dialog.returnValue, version }), { once: true });
  });
}
