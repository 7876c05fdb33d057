// The panel by which something is shared: another right is saved as soon as it is chosen.

import "./app.js";

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-share-right]")) event.target.form.requestSubmit();
});
