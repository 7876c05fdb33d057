// What keys do in a text area that holds YAML; the browser's own undo takes all of it back.

const INDENT = "  ";

// Tab indents, Enter keeps the indentation. As in other editors: Escape, then Tab, goes on to the next control.
export function startTyping(source) {
  let tabLeaves = false;
  source.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      tabLeaves = true;
      return;
    }
    if (event.key === "Tab" && !tabLeaves && !event.altKey && !event.ctrlKey) {
      event.preventDefault();
      if (event.shiftKey) outdent(source);
      else insert(INDENT);
    } else if (event.key === "Enter" && !event.isComposing) {
      const line = source.value.slice(source.value.lastIndexOf("\n", source.selectionStart - 1) + 1, source.selectionStart);
      event.preventDefault();
      insert(`\n${/^\s*/.exec(line)[0]}`);
    }
    if (event.key !== "Shift") tabLeaves = false;
  });
}

// As one step that undo takes back; the cursor is at the beginning then.
export function replaceText(source, text) {
  source.focus({ preventScroll: true });
  source.select();
  insert(text);
  source.setSelectionRange(0, 0);
}

function insert(text) {
  // keeps the browser's own undo, which setRangeText would lose
  document.execCommand("insertText", false, text);
}

function outdent(source) {
  const start = source.value.lastIndexOf("\n", source.selectionStart - 1) + 1;
  if (!source.value.startsWith(INDENT, start)) return;
  const position = source.selectionStart;
  source.setSelectionRange(start, start + INDENT.length);
  document.execCommand("delete");
  source.setSelectionRange(Math.max(start, position - INDENT.length), Math.max(start, position - INDENT.length));
}
