// Panels that open from a button: `[data-menu]` holds the button (aria-expanded) and the panel (hidden).

function setOpen(menu, open) {
  const button = menu.querySelector("[aria-expanded]");
  const panel = menu.querySelector(".menu__panel");
  if (panel.hidden === !open) return;
  panel.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  menu.dispatchEvent(new CustomEvent(open ? "menu:open" : "menu:close"));
}

export function startMenus() {
  const menus = () => [...document.querySelectorAll("[data-menu]")];

  document.addEventListener("click", (event) => {
    const inside = event.target.closest("[data-menu]");
    const button = event.target.closest("[data-menu] > [aria-expanded]");
    for (const menu of menus()) {
      if (menu !== inside) setOpen(menu, false);
    }
    if (button) setOpen(inside, button.getAttribute("aria-expanded") !== "true");
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[data-menu]");
    if (event.key === "Escape") {
      const open = menus().find((each) => !each.querySelector(".menu__panel").hidden);
      if (!open) return;
      setOpen(open, false);
      open.querySelector("[aria-expanded]").focus();
    } else if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      setOpen(menu, true);
      moveFocus(menu, event.key === "ArrowDown" ? 1 : -1);
    }
  });

  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest?.("[data-menu]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) setOpen(menu, false);
  });
}

function moveFocus(menu, step) {
  const items = [...menu.querySelectorAll(".menu__panel :is(a[href], button:not([disabled]))")];
  if (!items.length) return;
  const focused = items.indexOf(document.activeElement);
  const at = focused < 0 && step < 0 ? 0 : focused; // up from the button is the last one
  items[(at + step + items.length) % items.length].focus();
}
