// Puts fresh HTML of the server in the place of old one. What stays the same stays the same element: a click that has begun
// ends where it began, and focus, selection, scrolling and what is being typed are not disturbed. Rows that can be acted on
// have an `id`; without one a row's element might become that of another.

import { Idiomorph } from "../vendor/idiomorph-0.8.0/idiomorph.esm.js";

// What people open and close themselves.
const OPENED = { open: "details", hidden: ".menu__panel", "aria-expanded": "[data-menu] > *" };

const WAY = {
  restoreFocus: true,
  callbacks: {
    beforeAttributeUpdated: (name, element) => {
      if (name === "width") element.closest(".progress__bar")?.classList.add("is-anew"); // a later attempt may have less
      return !(name in OPENED && element.matches(OPENED[name]));
    },
  },
};

const FIELDS = "input, textarea, select";

/**
 * The content of `element` becomes `fresh`: HTML, or a fragment that was made of it.
 * @param {Element} element
 * @param {string | DocumentFragment} fresh
 * @param {{untouched?: string}} options `untouched`: what keeps its value while it has the focus
 */
export function swap(element, fresh, { untouched = FIELDS } = {}) {
  Idiomorph.morph(element, typeof fresh === "string" ? parsed(fresh) : fresh, { ...way(untouched), morphStyle: "innerHTML" });
}

const way = (untouched) => ({ ...WAY, ignoreActiveValue: document.activeElement?.matches(untouched) ?? false });

/** `element` itself becomes `fresh`. */
export function swapWhole(element, fresh) {
  Idiomorph.morph(element, fresh, { ...way(FIELDS), morphStyle: "outerHTML" });
}

/** @returns {DocumentFragment} */
export function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
