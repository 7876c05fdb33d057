"""Scripts and sheets put together: names never meet, what is exported stays reachable, and nothing is guessed."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from server.http.static_bundles import scripts, style_sheet
from server.http.static_cache import StaticCache, is_worth_it
from server.http.static_scripts import CannotBeLinked, script
from server.http.static_tree import read_tree, signature
from server.places import STATIC, TEMPLATES

OF_OTHERS = {"code-editor.css"}  # CodeMirror names these
OF_LIBRARIES = {"uplot", "u-cursor-x", "u-cursor-y", "cm-content"}
FILES = {
    "js/app.js": b"""
// what every page has
import { a, twice as double } from "./a.js";
import "./effect.js";
export const live = { name: `not // a comment ${double(a)}` }; /* nor
this */ export { a as first };
""",
    "js/a.js": b"""
import { mine } from "./b.js";
export const a = mine + 1;
export function twice(x) { return 2 * x; }
""",
    "js/b.js": b"const hidden = 1;\nexport const mine = hidden;\n",
    "js/effect.js": b"const a = 'its own'; globalThis.effects = [...(globalThis.effects ?? []), a];\n",
    "js/page.js": b"""
import { live } from "./app.js";
import { mine } from "./b.js";
import { own } from "./own.js";
import { big } from "../vendor/big.min.js";
export { shared } from "./own.js";
const worker = () => new URL("./worker.js", import.meta.url);
const later = () => import("./later.js");
globalThis.said = [live.name, mine, own, big];
globalThis.later = () => later().then(({ late }) => late);
""",
    "js/own.js": b"export const own = 'own';\nexport class shared {}\n",
    "js/later.js": b'import { mine } from "./b.js";\nexport const late = `late ${mine}`;\n',
    "js/worker.js": b'import { mine } from "./b.js";\nself.mine = mine;\n',
    "vendor/big.min.js": b"export const big = 'big';\n",
}


def linked(**changed: bytes) -> dict[str, bytes]:
    files = FILES | {f"js/{name}.js": content for name, content in changed.items()}
    return scripts(files, common="js/app.js", entries=["js/page.js"])


def test_a_page_runs_as_it_did_and_modules_run_once(tmp_path: Path) -> None:
    made = linked()
    assert set(made) == {"js/app.js", "js/page.js", "js/worker.js", "js/later.js"}
    assert b"//" not in made["js/app.js"].replace(b"not // a comment", b"")
    for name, content in {"vendor/big.min.js": FILES["vendor/big.min.js"], **made}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    told = """
        const { live, first } = await import("./js/app.js");
        const { shared } = await import("./js/page.js");
        console.log(JSON.stringify([said, effects, first, typeof shared, await later(), live.name]));
    """
    (tmp_path / "run.js").write_text(told)
    run = subprocess.run(["node", "run.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    name = "not // a comment 4"
    assert json.loads(run.stdout) == [[name, 1, "own", "big"], ["its own"], 2, "function", "late 1", name]


@pytest.mark.parametrize(
    "written",
    [
        b"export default 1;",
        b"export let changing = 1;",
        b"export const { a, b } = {};",
        b'import everything from "./b.js";',
        b'import * as everything from "./b.js";',
        b'export * from "./b.js";',
        b'import { nothing } from "./nowhere.js";',
        b'import { live } from "./app.js"; import { x } from "./own.js";',
        b"const a = ;",
    ],
)
def test_what_is_not_known_is_refused(written: bytes) -> None:
    circle = {"own": b'import { y } from "./page.js";\nexport const x = 1;\n'} if b"own.js" in written else {}
    with pytest.raises(CannotBeLinked):
        linked(page=written, **circle)


def test_strings_that_look_like_imports_stay() -> None:
    source = b"export const text = `\nimport { a } from 'b';\nexport const c = 1; // d`;\n"
    assert script("js/x.js", source).body == source.removeprefix(b"export ")


def test_sheets_stand_where_they_are_imported() -> None:
    files = {
        "css/all.css": b'/* all */\n@import url("a.css");\n@import url("../vendor/v.css");\nb { c: d }\n',
        "css/a.css": b"/* note */ a { b: url(data:x) }\n",
        "vendor/v.css": b"v { w: x }\n",
    }
    assert style_sheet(files, "css/all.css").split() == b"a { b: url(data:x) } v { w: x } b { c: d }".split()


def test_sheets_stand_in_the_layers_that_they_are_imported_into() -> None:
    sheet = b'@layer one, two;\n@import url("a.css") layer(two);\n@import url("b.css");\n'
    files = {"css/all.css": sheet, "css/a.css": b"a { b: c }\n", "css/b.css": b"d { e: f }\n"}
    assert style_sheet(files, "css/all.css").split() == b"@layer one, two; @layer two { a { b: c } } d { e: f }".split()


def test_all_of_ours_can_be_put_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tree = read_tree(STATIC, TEMPLATES, tmp_path / "cache", signature(STATIC))
    assert caplog.text == ""
    assert tree.linked["js/app.js"] != tree.plain["js/app.js"]
    sheets = [path.read_text("utf-8") for path in sorted((STATIC / "css").glob("*.css"))]
    missing = [path.name for path in (STATIC / "css").glob("*.css") if f'url("{path.name}")' not in "".join(sheets)]
    assert sorted(missing) == ["jindu.css"], "name it in jindu.css"
    addresses = [sheet for sheet in sheets if "url(" in sheet.replace('@import url("', "").replace("url(data:", "")]
    assert addresses == [], "an address in a sheet leads elsewhere once it stands in jindu.css"


def test_each_class_of_the_sheets_is_named_by_a_page_or_a_script() -> None:
    root = STATIC.parent
    named = [root / "templates", root / "static" / "js", root / "views", root / "server"]
    texts = "\n".join(
        path.read_text("utf-8")
        for place in named
        for path in place.rglob("*")
        if path.suffix in {".html", ".js", ".py"}
    )
    words = set(re.findall(r"[\w-]+", texts))
    begun = {word for word in words if word.endswith("--")}  # `badge--{{ state }}`
    sheets = "".join(path.read_text("utf-8") for path in (STATIC / "css").glob("*.css") if path.name not in OF_OTHERS)
    classes = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/|:[^;{}]*;", "", sheets, flags=re.DOTALL)))
    unnamed = {each for each in classes - words if f"{each.partition('--')[0]}--" not in begun}
    assert unnamed - OF_LIBRARIES == set()


def test_a_file_is_packed_once_and_what_nobody_names_any_more_goes(tmp_path: Path) -> None:
    cache = StaticCache(tmp_path / "cache")
    kept = [cache.keep("a.js", b"a = 1;\n" * 100), cache.keep("c.css", b"c { }\n" * 99)]
    assert cache.keep("again.js", b"a = 1;\n" * 100) == kept[0]
    elsewhere = tmp_path / "d.txt"
    elsewhere.write_bytes(b"d\n" * 500)
    places = {**{place: place for place in kept}, cache.place("d.txt", b"d\n" * 500): elsewhere}
    assert cache.unpacked(places) == [kept[1], kept[0], list(places)[2]]  # the smaller first
    for place in cache.unpacked(places):
        cache.pack(place, places[place])
    assert cache.unpacked(places) == []
    assert [gzip.decompress(place.with_name(f"{place.name}.gz").read_bytes()) for place in places] == [
        place.read_bytes() for place in places
    ]
    old = cache.keep("old.js", b"old")
    os.utime(old, (0, 0))
    cache.sweep(places)
    assert not old.exists()
    assert all(path.exists() for path in places)


def test_what_was_written_at_before_it_is_packed_is_not_kept_as_what_it_was(tmp_path: Path) -> None:
    static, templates, cache = tmp_path / "static", tmp_path / "templates", StaticCache(tmp_path / "cache")
    for name in ("js/app.js", "css/jindu.css", "a.txt", "b.txt"):
        (static / name).parent.mkdir(parents=True, exist_ok=True)
        (static / name).write_text("\n" * 300)
    (static / "b.txt").write_text("b" * 300)
    templates.mkdir()
    tree = read_tree(static, templates, cache.directory, signature(static))
    (static / "a.txt").write_text("a" * 300)
    for place in cache.unpacked(tree.places):
        cache.pack(place, tree.places[place])
    packed = tree.packed()
    assert packed.plain["b.txt"] == packed.linked["b.txt"] == tree.kept["b.txt"]
    assert all(cache.place(path.name, path.read_bytes()) == path for path in cache.directory.glob("*.txt"))
    assert all(path.exists() for path in (*packed.plain.values(), *packed.linked.values()))


def test_what_is_tiny_or_packed_already_is_not_worth_it() -> None:
    assert is_worth_it("a.js", b"a = 1;\n" * 100)
    assert not is_worth_it("a.js", b"a = 1;\n")
    assert not is_worth_it("a.webp", b"picture" * 100)
