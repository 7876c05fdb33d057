// The controls of a query that groups a dataset: what there is a row for, and what is reckoned.

import { t } from "./i18n.js";
import { escaped, idOf } from "./template-form-marks.js";
import { FIGURES, figure, groupsOf, key, STEPS } from "./template-groups.js";

const TIMES = ["date", "datetime", "timestamp"];
const NUMBERS = ["integer", "decimal", "float"];

/** Of the query `name`, shown in the part at `path`; nothing where it is written in SQL. */
export function groupFields(form, path, name) {
  const groups = groupsOf(form.sqlOf(name));
  const types = groups && form.schema.types[groups.dataset];
  if (!types) return "";
  const control = (what, index = "") => `id="${idOf(`group-${what}`, [...path, name, index])}" data-group="${escaped(JSON.stringify([name, what, index]))}"`;
  const remove = (what, index, said) =>
    `<button type="button" class="icon-only" data-act="ungroup" data-group="${escaped(JSON.stringify([name, what, index]))}" aria-label="${escaped(t("Remove {name}", { name: said }))}">${form.icon("x")}</button>`;
  const several = (what, label, offered, chosen) => {
    const ones = chosen.map(
      (value, index) =>
        `<span class="with-icon"><select class="input input--small" aria-label="${escaped(`${label} ${index + 1}`)}" ${control(what, index)}>${options(offered, value)}</select>${what === "of" && chosen.length === 1 ? "" : remove(what, index, offered.find(([each]) => each === value)?.[1] ?? value)}</span>`,
    );
    const left = offered.filter(([value]) => !chosen.includes(value));
    const add = left.length ? `<select class="input input--small chosen__add" aria-label="${escaped(`${label}: ${t("add …")}`)}" ${control(what, chosen.length)}><option value="">${t("add …")}</option>${options(left, "")}</select>` : "";
    return `<div class="form-row form-row--wide" role="group" aria-label="${escaped(label)}"><span class="label">${escaped(label)}</span><div class="chosen cluster">${ones.join("")}${add}</div></div>`;
  };
  const most = `<div class="form-row"><label for="${idOf("group-most", [...path, name, ""])}">${t("Only the first")}</label><input class="input input--small" type="number" min="1" step="1" placeholder="${escaped(t("all"))}" ${control("most")} value="${groups.most ?? ""}"></div>`;
  return `<div class="fields grouped form-row--wide">${several("by", t("One row for each"), keysOffered(types), groups.by.map(keyValue))}
    ${several("of", t("Figures"), figuresOffered(types), groups.of.map(figureValue))}
    ${onlyFields(form, groups, types, control)}${most}</div>`;
}

function options(offered, chosen) {
  const known = offered.some(([value]) => value === chosen) || !chosen ? [] : [[chosen, chosen]];
  return [...known, ...offered].map(([value, text]) => `<option value="${escaped(value)}"${value === chosen ? " selected" : ""}>${escaped(text)}</option>`).join("");
}

// “Only where region is {Region}”, for parameters called like a column.
function onlyFields(form, { only }, types, control) {
  const fits = form.schema.parameters.filter(({ name, type }) => name in types && type !== "range");
  const boxes = fits.map(
    ({ name, label, type }) =>
      `<label class="check"><input type="checkbox" ${control("only", name)} value="${type === "list" ? "in" : "="}"${only.some(({ parameter }) => parameter === name) ? " checked" : ""}>${escaped(t("only what the parameter “{name}” says", { name: label || name }))}</label>`,
  );
  return boxes.length ? `<div class="form-row form-row--wide">${boxes.join("")}</div>` : "";
}

const keyValue = ({ column, step }) => (step ? `${step}:${column}` : `:${column}`);
const figureValue = ({ how, column }) => `${how}:${column}`;

function keysOffered(types) {
  const words = { day: t("day"), week: t("week"), month: t("month"), quarter: t("quarter"), year: t("year") };
  return Object.entries(types).flatMap(([column, type]) =>
    TIMES.includes(type) ? STEPS.map((step) => [`${step}:${column}`, t("{step} of {column}", { step: words[step], column })]) : [[`:${column}`, column]],
  );
}

function figuresOffered(types) {
  const words = {
    sum: (column) => t("sum of {column}", { column }),
    avg: (column) => t("average of {column}", { column }),
    min: (column) => t("least {column}", { column }),
    max: (column) => t("greatest {column}", { column }),
  };
  const numbers = Object.keys(types).filter((column) => NUMBERS.includes(types[column]));
  return [["count:*", t("number of rows")], ...numbers.flatMap((column) => FIGURES.map((how) => [`${how}:${column}`, words[how](column)]))];
}

/** The choices once a control says something else; with `value` empty what it stood for goes. */
export function regrouped(groups, [, what, index], value, columns) {
  const changed = { ...groups, by: [...groups.by], of: [...groups.of] };
  if (what === "most") return { ...changed, most: Number(value) > 0 ? Math.floor(Number(value)) : null };
  if (what === "only") {
    const others = groups.only.filter(({ parameter }) => parameter !== index);
    return { ...changed, only: value ? [...others, { column: index, how: value, parameter: index }] : others };
  }
  const at = value.indexOf(":");
  const others = [...changed.by, ...changed.of].map(({ name }) => name);
  const entry = what === "by" ? key(value.slice(at + 1), value.slice(0, at), columns) : figure(value.slice(0, at), value.slice(at + 1), others);
  changed[what].splice(index, 1, ...(value ? [entry] : []));
  return changed;
}
