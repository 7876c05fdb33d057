// What can be written in a template, as the server tells it: shapes with their keys, and names of data.

/**
 * @typedef {{type: string, shape?: string, options?: string[], least?: number, most?: number, required?: boolean, label: string, hint: string}} Fact
 */
export class Schema {
  shapes = {};
  blocks = []; // {name, label, hint, icon, is_bare}
  datasets = {}; // {name: [column]}
  types = {}; // {name: {column: type}} of the same
  filters = []; // how expressions write values
  queries = {}; // of the text, as it was last checked: {name: [column]}
  parameters = []; // the same: {name, label, …}

  /** What the server answered about the reader's data and templates in general. */
  learn({ shapes, blocks, datasets, types, filters }) {
    Object.assign(this, { shapes, blocks, datasets, types, filters });
  }

  /** What a check found in the text. While there are errors the columns of before are the best guess. */
  checked({ queries, parameters, errors }) {
    if (errors.length && !Object.keys(queries).length) return;
    Object.assign(this, { queries, parameters });
  }

  get isKnown() {
    return "template" in this.shapes;
  }

  /** The keys of the map that is found by following `path`; null where none is known. */
  shapeAt(path) {
    let shape = "template";
    let fact = null;
    for (const step of path) {
      if (step === "-") {
        if (fact?.type === "blocks") shape = "block";
        else if (fact?.type === "block_lists") fact = { type: "blocks" };
        else if (fact?.type !== "list") return null;
        continue;
      }
      if (fact?.type === "named") {
        shape = fact.shape ?? null;
        fact = null;
        if (!shape) return null;
        continue;
      }
      fact = this.fact(shape, step);
      if (!fact) return null;
      shape = fact.shape ?? shape;
    }
    if (fact && !["map", "list", "blocks", "block_lists"].includes(fact.type)) return null;
    return { shape, fact };
  }

  /** @returns {Fact | undefined} */
  fact(shape, key) {
    if (shape !== "block") return this.shapes[shape]?.[key];
    for (const { name } of this.blocks) if (this.shapes[`block ${name}`]?.[key]) return this.shapes[`block ${name}`][key];
    return undefined;
  }
}
