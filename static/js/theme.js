// Pins light or dark before the first paint; a blocking classic script, since inline scripts are not allowed.
// "auto" (nothing stored) follows the system.

(() => {
  const root = document.documentElement;
  const NAME = `jindu-theme${root.dataset.root ?? ""}`;

  const stored = () => {
    try {
      return localStorage.getItem(NAME);
    } catch {
      return null; // storage can be forbidden; the system's choice is good then
    }
  };

  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (theme ?? "auto")));
    }
  };

  apply(stored());

  document.addEventListener("DOMContentLoaded", () => apply(stored()));
  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    try {
      if (choice === "auto") localStorage.removeItem(NAME);
      else localStorage.setItem(NAME, choice);
    } catch {
      // applies to this page only
    }
    apply(choice);
  });
  // another tab switched
  addEventListener("storage", (event) => event.key === NAME && apply(event.newValue));
})();
