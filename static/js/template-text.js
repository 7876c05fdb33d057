// The text view of the template editor: CodeMirror, which takes the place of the page's text area.

import {
  acceptCompletion,
  autocompletion,
  bracketMatching,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
  Decoration,
  defaultKeymap,
  EditorSelection,
  EditorState,
  EditorView,
  highlightActiveLineGutter,
  highlightSelectionMatches,
  history,
  historyKeymap,
  indentLess,
  indentMore,
  indentUnit,
  isolateHistory,
  keymap,
  lineNumbers,
  lintGutter,
  moveCompletionSelection,
  Prec,
  redo,
  search,
  searchKeymap,
  selectedCompletion,
  setDiagnostics,
  StateEffect,
  StateField,
  undo,
} from "../vendor/codemirror-6/codemirror.min.js";
import { templateLanguage } from "./template-language.js";
import { phrases } from "./template-phrases.js";

const INDENT = "  ";
const OPENS = /(?:^|\s)(?:[^\s#][^#]*:|[|>][+-]?)\s*$/; // what follows such a line stands deeper

// A newer way of Chromium on Android to take text, which misplaces it and loses what input methods write.
EditorView.EDIT_CONTEXT = false;

const setMarks = StateEffect.define();
const markedLines = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    let kept = marks.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setMarks)) kept = effect.value;
    return kept;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export class TemplateText {
  #view;
  #place;
  #changed;
  #unmarked = null;

  /** `complete` gives what could be written at a place; `changed` is called after each change of the text. */
  constructor(area, { complete, changed }) {
    this.#changed = changed;
    this.#place = document.createElement("div");
    this.#place.className = "editor__code fills-down is-measuring";
    area.before(this.#place);
    this.#view = new EditorView({ parent: this.#place, state: this.#state(area, complete) });
    new ResizeObserver(() => this.#keepInView()).observe(this.#place); // the list of problems takes room
    area.remove();
    // It is shown once its gutters and lines have their sizes, else they would be seen moving.
    const show = () => this.#place.classList.remove("is-measuring");
    this.#view.requestMeasure({ read() {}, write: () => requestAnimationFrame(() => requestAnimationFrame(show)) });
  }

  get value() {
    return this.#view.state.doc.toString();
  }

  /** The whole text anew, as one step that undo takes back; with `joins` with the step before, as letters in a row are.
   * Only what differs is changed: the cursor and the marks elsewhere stay. */
  replace(text, { joins = false } = {}) {
    const before = this.value;
    const start = sameAtStart(before, text);
    const end = sameAtEnd(before, text, start);
    this.#view.dispatch({
      changes: { from: start, to: before.length - end, insert: text.slice(start, text.length - end) },
      userEvent: joins ? "input.type" : "input.form",
      annotations: joins ? [] : isolateHistory.of("full"),
    });
  }

  /** Issues `{line, column, message, level}` with lines and columns from 1. */
  mark(issues) {
    if (this.#view.composing) {
      this.#unmarked = issues; // an input method may lose what it is at
      return;
    }
    const { doc } = this.#view.state;
    const levels = new Map();
    for (const { line, level } of issues) if (line <= doc.lines && levels.get(line) !== "error") levels.set(line, level);
    const lines = [...levels].sort(([one], [other]) => one - other);
    const marks = lines.map(([line, level]) => Decoration.line({ class: `is-${level}` }).range(doc.line(line).from));
    const found = issues.map(({ line, column, message, level }) => {
      const from = this.#position(line, column);
      const { to } = doc.lineAt(from);
      const word = /^[\p{L}\p{N}_$]+|^\S/u.exec(doc.sliceString(from, to))?.[0].length ?? 0;
      return { from, to: from + word, severity: level, message };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, found), { effects: setMarks.of(Decoration.set(marks)) });
  }

  jump(line, column) {
    const at = this.#position(line, column);
    this.#view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.focus();
  }

  focus() {
    this.#view.focus();
    this.#view.dom.scrollIntoView({ block: "nearest" });
  }

  get isShown() {
    return !this.#place.hidden;
  }

  set isShown(isShown) {
    this.#place.hidden = !isShown;
    if (isShown) this.#view.requestMeasure();
  }

  undo() {
    undo(this.#view);
  }

  redo() {
    redo(this.#view);
  }

  #markLate() {
    const issues = this.#unmarked;
    this.#unmarked = null;
    if (issues) this.mark(issues);
  }

  #keepInView() {
    const { head } = this.#view.state.selection.main;
    if (this.#view.hasFocus && !this.#view.composing) this.#view.dispatch({ effects: EditorView.scrollIntoView(head, { yMargin: 20 }) });
  }

  #position(line, column) {
    const { doc } = this.#view.state;
    const { from, length } = doc.line(Math.min(Math.max(line, 1), doc.lines));
    return from + Math.min(Math.max(column - 1, 0), length);
  }

  #state(area, complete) {
    const keys = [...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap];
    return EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(area.dataset.nonce),
        EditorState.phrases.of(phrases()),
        EditorState.tabSize.of(INDENT.length),
        indentUnit.of(INDENT),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": area.getAttribute("aria-label"),
          "aria-describedby": area.getAttribute("aria-describedby"),
          tabindex: "0",
          autocapitalize: "off",
          spellcheck: "false",
        }),
        lineNumbers(),
        lintGutter(),
        highlightActiveLineGutter(),
        history(),
        bracketMatching(),
        closeBrackets(),
        highlightSelectionMatches({ minSelectionLength: 2 }),
        search({ top: true }),
        markedLines,
        templateLanguage(),
        autocompletion({ override: [whileWriting(complete)], icons: false, selectOnOpen: false, activateOnTypingDelay: 60, interactionDelay: 0 }),
        Prec.high(keymap.of([{ key: "Tab", run: takeOrIndent, shift: indentLess }, { key: "Enter", run: breakLine }])),
        keymap.of(keys),
        EditorView.domEventHandlers({ beforeinput: replaceMarked, compositionend: () => void setTimeout(() => this.#markLate()) }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.#changed();
        }),
      ],
    });
  }
}

// What the form changes asks for nothing: the list would stand there when the text is shown again.
function whileWriting(complete) {
  return (context) => (context.explicit || context.view?.hasFocus ? complete(context) : null);
}

// Tab takes the first of the completions, Enter one that was chosen: who types a name and Enter gets a new line.
function takeOrIndent(view) {
  if (completionStatus(view.state) !== "active") return indentMore(view);
  if (!selectedCompletion(view.state)) moveCompletionSelection(true)(view);
  return acceptCompletion(view) || indentMore(view);
}

// Chromium would give what replaces coloured text an inline style, of which the page's policy complains.
function replaceMarked(event, view) {
  const { main, ranges } = view.state.selection;
  if (event.inputType !== "insertText" || event.isComposing || !event.data || main.empty || ranges.length > 1) return false;
  const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
  const handlers = view.state.facet(EditorView.inputHandler);
  if (!handlers.some((handle) => handle(view, main.from, main.to, event.data, insert))) view.dispatch(insert());
  event.preventDefault();
  return true;
}

// Like the line before, or deeper below a key without a value.
function breakLine(view) {
  if (completionStatus(view.state) === "active" && selectedCompletion(view.state)) return acceptCompletion(view);
  const { state } = view;
  view.dispatch(
    state.changeByRange(({ from, to }) => {
      const line = state.doc.lineAt(from);
      const before = state.sliceDoc(line.from, from);
      const [indent] = /^\s*/.exec(before);
      const insert = `\n${indent}${OPENS.test(before) && from === line.to ? INDENT : ""}`;
      return { changes: { from, to, insert }, range: EditorSelection.cursor(from + insert.length) };
    }),
    { scrollIntoView: true, userEvent: "input.type" },
  );
  return true;
}

function sameAtStart(one, other) {
  const most = Math.min(one.length, other.length);
  let count = 0;
  while (count < most && one[count] === other[count]) count += 1;
  return count;
}

function sameAtEnd(one, other, start) {
  const most = Math.min(one.length, other.length) - start;
  let count = 0;
  while (count < most && one[one.length - 1 - count] === other[other.length - 1 - count]) count += 1;
  return count;
}
