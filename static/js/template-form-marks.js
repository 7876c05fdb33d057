// How parts of the form are marked: by their place in the template.

export const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
export const place = (path) => escaped(JSON.stringify(path));
export const idOf = (prefix, path) => `${prefix}-${path.map(named).join("-")}`;

function named(step) {
  return String(step).replace(/[^\p{L}\p{N}_]/gu, (character) => `.${character.codePointAt(0).toString(16)}`);
}
