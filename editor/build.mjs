// Bundles what the template editor takes from others into static/vendor, with the licences of all that is in it.
// The head of each file names the sources it was made of: a test of the server compares.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync, mkdirSync, readdirSync } from "node:fs";
import { build } from "esbuild";

const HERE = new URL("./", import.meta.url);
const VENDOR = new URL("../static/vendor/", HERE);
const BUNDLES = { codemirror: "codemirror-6", yaml: "yaml-2" };
const MADE_OF = ["build.mjs", "package.json", "package-lock.json"];

for (const [name, folder] of Object.entries(BUNDLES)) {
  const source = `${name}.js`;
  const made = await build({
    absWorkingDir: HERE.pathname,
    entryPoints: [source],
    bundle: true,
    format: "esm",
    minify: true,
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    write: false,
    banner: { js: `/* ${folder}, made by “make editor” of ${digest([...MADE_OF, source])}; licences: LICENSE */` },
  });
  const target = new URL(`${folder}/`, VENDOR);
  mkdirSync(target, { recursive: true });
  writeFileSync(new URL(`${name}.min.js`, target), made.outputFiles[0].text);
  writeFileSync(new URL("package.json", target), '{ "type": "module" }\n'); // Node takes it for one as well
  writeFileSync(new URL("LICENSE", target), licences(Object.keys(made.metafile.inputs)));
}

function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(new URL(file, HERE)));
  return hash.digest("hex");
}

function licences(inputs) {
  const packages = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
  return [...packages]
    .sort()
    .map((name) => {
      const folder = new URL(`node_modules/${name}/`, HERE);
      const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      return `${name} ${version}\n\n${readFileSync(new URL(file, folder), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
