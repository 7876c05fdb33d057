// The files of a drop or a choice, those in folders too; what no person put there stays behind.

const MOST = 500;

/** Of a drop. Its items are only there until the event is over, so they are taken before anything is waited for. */
export async function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return chosenFiles(found);
}

/** `{files, tooMany}`: without hidden files (`.DS_Store`, Office's `~$…`), and no more than a person can look after. */
export function chosenFiles(files) {
  const visible = files.filter(({ name }) => !name.startsWith(".") && !name.startsWith("~$") && name !== "Thumbs.db");
  return { files: visible.slice(0, MOST), tooMany: Math.max(0, visible.length - MOST) };
}

async function collect(entry, found) {
  if (entry instanceof File) found.push(entry);
  else if (entry.isFile) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
  else {
    for (const inner of await everythingIn(entry)) await collect(inner, found);
  }
}

// A reader gives a hundred at a time, and none when there are no more.
async function everythingIn(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
    entries.push(...some);
  }
}
