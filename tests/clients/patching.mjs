// Changes templates as the form view does: one order a line on stdin, one answer a line on stdout.

import { createInterface } from "node:readline";
import * as patch from "../../static/js/template-patch.js";
import { groupedSql, groupsOf } from "../../static/js/template-groups.js";
import { placeAt } from "../../static/js/template-place.js";
import { treeOf } from "../../static/js/template-tree.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { text, operation, values } = JSON.parse(line);
  let answer;
  try {
    if (operation === "placeAt") answer = placeAt(text, ...values);
    else if (operation === "groupsOf") answer = { groups: groupsOf(text), sql: groupsOf(text) && groupedSql(groupsOf(text)) };
    else {
      const changes = patch[operation](treeOf(text), ...values);
      answer = { text: patch.applied(text, changes), changes };
    }
  } catch (error) {
    answer = error instanceof patch.CannotPatch ? { refused: true } : { error: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
