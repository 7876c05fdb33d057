// Fields that belong to a choice: a fieldset with `data-choice` (the name of a select of the form) and `data-is` (its
// values, with blanks) is there and sent only while one of these is chosen. Without scripts all of them are there, and
// the server takes those that belong.

const fit = (fields) => {
  const chosen = fields.form.elements[fields.dataset.choice]?.value;
  fields.disabled = fields.hidden = chosen !== undefined && !fields.dataset.is.split(" ").includes(chosen);
};

export function startFittingChoices() {
  for (const fields of document.querySelectorAll("fieldset[data-choice]")) fit(fields);
  document.addEventListener("change", ({ target }) => {
    for (const fields of target.form?.querySelectorAll(`fieldset[data-choice="${target.name}"]`) ?? []) fit(fields);
  });
}
