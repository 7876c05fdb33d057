"""Small files as people have them: where their table is, what names its columns, and that nothing of it is lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from server.datasets.total_words import LIKE_A_TOTAL, is_like_a_total
from server.errors import FileProblem
from tests.unit.datasets.imported import Importer

D = date.fromisoformat


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def stacked() -> str:
    return "".join(
        ",".join(names) + "\n" + (",".join("123456"[: len(names)]) + "\n") * 9 for names in ("ab", "cdef", "ghijkl")
    )


# Text of a file, its columns, its rows, and lines of rejects with their reasons.
Case = tuple[str, list[str], list[list[Any]], list[tuple[int, str]]]

ROWS_ABOVE_A_CHANGE_OF_WIDTH: list[Case] = [
    (
        "day,qty\n2026-01-01,4\n2026-01-02,5\n2026-01-03,6,kg,ok\n2026-01-04,7,kg,ok\n2026-01-05,8,kg,ok\n",
        ["day", "qty", "column_3", "column_4"],
        [[D("2026-01-03"), 6, "kg", "ok"], [D("2026-01-04"), 7, "kg", "ok"], [D("2026-01-05"), 8, "kg", "ok"]],
        [(2, "too_few_cells"), (3, "too_few_cells")],
    ),
    ("k0\nw0\nm;n\n", ["k0"], [["w0"], ["m;n"]], []),
    ("name\nAnn\nBob, jr\n", ["name"], [["Ann"], ["Bob, jr"]], []),
    ("k\nv1\nv2\nv3,x\nv4\n", ["k"], [["v1"], ["v2"], ["v3,x"], ["v4"]], []),
    ("1;2\n3;4\n5,6\n7;8", ["column_1", "column_2"], [[1, 2], [3, 4], [7, 8]], [(3, "too_few_cells")]),
    (
        "id,name\n1,Ann,x,y\n2,Bob,z,w\n3,Cy,q,r\n",
        ["id", "name", "column_3", "column_4"],
        [[1, "Ann", "x", "y"], [2, "Bob", "z", "w"], [3, "Cy", "q", "r"]],
        [],
    ),
    ("Name,,\nAnn,3,4\nBob,5,6\n", ["Name", "column_2", "column_3"], [["Ann", 3, 4], ["Bob", 5, 6]], []),
    (
        "Name\nAnn\nBob\nCy,1,2\nDi,3,4\nEd,5,6\nFi,7,8\n",
        ["Name", "column_2", "column_3"],
        [["Cy", 1, 2], ["Di", 3, 4], ["Ed", 5, 6], ["Fi", 7, 8]],
        [(2, "too_few_cells"), (3, "too_few_cells")],
    ),
    ("id\n1,Ann\n2,Bob\n", ["id", "column_2"], [[1, "Ann"], [2, "Bob"]], []),
    (
        "1,2\n3,4\n5,6,7,8\n9,10,11,12\n13,14,15,16\n",
        ["column_1", "column_2", "column_3", "column_4"],
        [[5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]],
        [(1, "too_few_cells"), (2, "too_few_cells")],
    ),
    (
        "id,name,city\n1,Ann\n2,Bob,Rome,x\n3,Cy,Oslo,y\n4,Di,Bonn,z\n",
        ["id", "name", "city", "column_4"],
        [[2, "Bob", "Rome", "x"], [3, "Cy", "Oslo", "y"], [4, "Di", "Bonn", "z"]],
        [(2, "too_few_cells")],
    ),
    # The largest of several tables is taken.
    (stacked(), list("ghijkl"), [[1, 2, 3, 4, 5, 6]] * 9, [(line, "other_table") for line in range(1, 21)]),
    (
        "a,b\n1,2\n3,4\n5,6\n7,8\nc,d,e\n1,2,3\n",
        ["a", "b"],
        [[1, 2], [3, 4], [5, 6], [7, 8]],
        [(6, "other_table"), (7, "other_table")],
    ),
    (
        "key,value\nk1,1\n\nid,day\n1,2026-02-16\n2,2026-06-07\n3,2026-01-26\n",
        ["id", "day"],
        [[1, D("2026-02-16")], [2, D("2026-06-07")], [3, D("2026-01-26")]],
        [],
    ),
    (
        "a,b\n1,2\n3,4\n\nc,d,e\n1,2,3\n4,5,6\n7,8,9\n10,11,12\n",
        ["c", "d", "e"],
        [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]],
        [(1, "other_table"), (2, "other_table"), (3, "other_table")],
    ),
]
BLANKS_AROUND_QUOTES: list[Case] = [
    ('a, b, c\n1, 2, "x, y"\n3, 4, "z, w"\n', ["a", "b", "c"], [[1, 2, "x, y"], [3, 4, "z, w"]], []),
    (
        'city, greeting\nRome, "ciao, bella"\nBonn, "guten Tag, alle"\nOslo, hei\n',
        ["city", "greeting"],
        [["Rome", "ciao, bella"], ["Bonn", "guten Tag, alle"], ["Oslo", "hei"]],
        [],
    ),
    ('id, note\n1, "x, y" \n2, "z"\n', ["id", "note"], [[1, "x, y"], [2, "z"]], []),
    ('"a" , "b"\n"1" , "x, y"\n"2" , "z"\n', ["a", "b"], [[1, "x, y"], [2, "z"]], []),
    ('a; b\n1; "x; y"\n2; "q ""z"""\n', ["a", "b"], [[1, "x; y"], [2, 'q "z"']], []),
    ('a,\t"b"\n1,\t"x, y"\n2,\t"z"\n', ["a", "b"], [[1, "x, y"], [2, "z"]], []),
    ('  "id","n"\n  "1","a,b"\n  "2","c"\n', ["id", "n"], [[1, "a,b"], [2, "c"]], []),
    ('a, b\n1, "two\nlines, here"\n2, x\n', ["a", "b"], [[1, "two\nlines, here"], [2, "x"]], []),
    ("id, name\n1, 'a, b'\n2, 'c, d'\n", ["id", "name"], [[1, "a, b"], [2, "c, d"]], []),
    ('n|t\n1| "a|b"\n2| c\n', ["n", "t"], [[1, "a|b"], [2, "c"]], []),
    ("id,t\n1,'say \"hi\", all'\n2,'b'\n", ["id", "t"], [[1, 'say "hi", all'], [2, "b"]], []),
]
OTHER_DELIMITERS_IN_CELLS: list[Case] = [
    ("tags|n\na,b,c|1\nd,e,f|2\n", ["tags", "n"], [["a,b,c", 1], ["d,e,f", 2]], []),
    ("wert;name\n1,5;Abt, Hans\n2,5;Bär, Eva\n", ["wert", "name"], [[1.5, "Abt, Hans"], [2.5, "Bär, Eva"]], []),
    ("a;b\nred,blue;up,down\nbig,small;in,out\n", ["a", "b"], [["red,blue", "up,down"], ["big,small", "in,out"]], []),
    ("id,名称\n1，苹果\n2，梨\n", ["id", "名称"], [[1, "苹果"], [2, "梨"]], []),
    ("姓名，年龄\n张三，20\n李四，30\n", ["姓名", "年龄"], [["张三", 20], ["李四", 30]], []),
    ("地区；金额\n东；1,5\n西；2,5\n", ["地区", "金额"], [["东", 1.5], ["西", 2.5]], []),
    ("tags;n\na,b;1\nc,d;2\n", ["tags", "n"], [["a,b", 1], ["c,d", 2]], []),
    ("a||b\n1||2\n3||4|x\n", ["a", "b"], [[1, "2"], [3, "4|x"]], []),
    ("a::b::c\n1::2::3\n4::5::6\n", ["a", "b", "c"], [[1, 2, 3], [4, 5, 6]], []),
    ("wert, name\n1,5, Abt\n2,5, Bär\n", ["wert", "name"], [[1.5, "Abt"], [2.5, "Bär"]], []),
    ("x|y|z\n1,2|3,4|5,6\n7,8|9,1|2,3\n", ["x", "y", "z"], [[1.2, 3.4, 5.6], [7.8, 9.1, 2.3]], []),
    ("date\tamount\n1,5\t2,5\n3,5\t4,5\n", ["date", "amount"], [[1.5, 2.5], [3.5, 4.5]], []),
    ("t;u\n12h30;a,b\n13h30;c,d\n", ["t", "u"], [["12h30", "a,b"], ["13h30", "c,d"]], []),
    (
        "name;address\nA;Main st 5, Rome, IT\nB;Side st 7, Oslo, NO\n",
        ["name", "address"],
        [["A", "Main st 5, Rome, IT"], ["B", "Side st 7, Oslo, NO"]],
        [],
    ),
    ("id~name\n1~A,b\n2~C,d\n", ["id", "name"], [[1, "A,b"], [2, "C,d"]], []),
    ("id^name\n" + "1^A,b\n2^C,d\n" * 150, ["id", "name"], [[1, "A,b"], [2, "C,d"]] * 150, []),
    ("id::name\n1::A,b\n2::C,d\n", ["id", "name"], [[1, "A,b"], [2, "C,d"]], []),
]
NOT_ONE_COLUMN: list[Case] = [
    ('id,note\n1,"never closed\n2,ok\n3,fine\n', ["id", "note"], [[2, "ok"], [3, "fine"]], [(2, "unclosed_quote")]),
    ('a,b\n"x,1\ny,2\nz,3\n', ["a", "b"], [["y", 2], ["z", 3]], [(2, "unclosed_quote")]),
    ('a;b\n1;"open\n2;b\n3;"c"\n4;d\n', ["a", "b"], [[2, "b"], [3, "c"], [4, "d"]], [(2, "unclosed_quote")]),
    (
        "column1,column2\nyes,no\nyes,yes,yes\nyes\n",
        ["column1", "column2"],
        [["yes", "no"]],
        [(3, "too_many_cells"), (4, "too_few_cells")],
    ),
    (
        "n,m\n1,2\n3\n4,5,6\n7,8,9,10\n",
        ["n", "m"],
        [[1, 2]],
        [(3, "too_few_cells"), (4, "too_many_cells"), (5, "too_many_cells")],
    ),
    (
        "id,text\n1,a, b\n2,c\n3,d, e, f\n",
        ["id", "text"],
        [[2, "c"]],
        [(2, "too_many_cells"), (4, "too_many_cells")],
    ),
    ("id  name  qty\n1   Ann   3\n22  Bob  14\n", ["id", "name", "qty"], [[1, "Ann", 3], [22, "Bob", 14]], []),
    (
        "id  name        qty\n1   Ann Smith   3\n22  Bob         14\n",
        ["id", "name", "qty"],
        [[1, "Ann Smith", 3], [22, "Bob", 14]],
        [],
    ),
    ("id name qty\n1 Ann 3\n22 Bob 14\n", ["id", "name", "qty"], [[1, "Ann", 3], [22, "Bob", 14]], []),
]
ONE_COLUMN: list[Case] = [
    ("first last\nAnn Smith\nBob Jones\n", ["first last"], [["Ann Smith"], ["Bob Jones"]], []),
    ("note\nRoom 1 is free\nRoom 2 is not\n", ["note"], [["Room 1 is free"], ["Room 2 is not"]], []),
    ("a\n1\n\n  \n2\n", ["a"], [[1], [2]], []),
    ("Name\nMüller, Hans\nMeier, Eva\n", ["Name"], [["Müller, Hans"], ["Meier, Eva"]], []),
    ("Name\n" + "Müller, Hans\nMeier, Eva\n" * 150, ["Name"], [["Müller, Hans"], ["Meier, Eva"]] * 150, []),
    ("# all of them\nFull name\nMüller, Hans\nMeier, Eva\n", ["Full name"], [["Müller, Hans"], ["Meier, Eva"]], []),
    ("name\nfoo; bar\nbaz\nqux; x\n", ["name"], [["foo; bar"], ["baz"], ["qux; x"]], []),
    ("tags\na|b\nc\nd|e\n", ["tags"], [["a|b"], ["c"], ["d|e"]], []),
    ("betrag\n1.234,50\n12,00\n", ["betrag"], [[1234.5], [12.0]], []),
    ("betrag\n" + "1.234,50\n12,00\n" * 150, ["betrag"], [[1234.5], [12.0]] * 150, []),
    ("v\n1,5\n2\n3,75\n", ["v"], [[1.5], [2.0], [3.75]], []),
    ("amount\n1,234.50\n12.00\n", ["amount"], [[1234.5], [12.0]], []),
]
THE_END_COUNTS: list[Case] = [
    ("id,v\n1,5\n2,6\n3,n.b.", ["id", "v"], [[1, "5"], [2, "6"], [3, "n.b."]], []),
    ('a,b,c\n"two\nlines",x,5', ["a", "b", "c"], [["two\nlines", "x", 5]], []),
    ('a;b\n1;"x\ny"', ["a", "b"], [[1, "x\ny"]], []),
    ("a\n1\n2\nx", ["a"], [["1"], ["2"], ["x"]], []),
    ("a,b\r\n1,2\r\n3,x", ["a", "b"], [[1, "2"], [3, "x"]], []),
    ("a,b\r1,2\r3,x", ["a", "b"], [[1, "2"], [3, "x"]], []),
]
HEADERS: list[Case] = [
    (
        "who,2026-01-01,2026-02-01\nann,in,out\nbob,out,in\n",
        ["who", "2026-01-01", "2026-02-01"],
        [["ann", "in", "out"], ["bob", "out", "in"]],
        [],
    ),
    (
        "id,qty,name\n1,2,Ann\n3,4,Bob\nid,qty,name\n5,6,Cy\n",
        ["id", "qty", "name"],
        [[1, 2, "Ann"], [3, 4, "Bob"], [5, 6, "Cy"]],
        [(4, "header_again")],
    ),
    (
        "name,city\nAnn,Rome\nname,city\nBob,Oslo\n",
        ["name", "city"],
        [["Ann", "Rome"], ["Bob", "Oslo"]],
        [(3, "header_again")],
    ),
    ("n\n5\n6\n", ["n"], [[5], [6]], []),
    ("No\n1\n2\n3\n", ["No"], [[1], [2], [3]], []),
    ("t\n12/06/2018\n13/06/2018\n", ["t"], [[D("2018-06-12")], [D("2018-06-13")]], []),
    ("on,off\n1,2\n3,4\n", ["on", "off"], [[1, 2], [3, 4]], []),
    ("False\n1.5\n2.5\n", ["False"], [[1.5], [2.5]], []),
    ("id,101,102,103\na,5,6,7\nb,8,9,10\n", ["id", "101", "102", "103"], [["a", 5, 6, 7], ["b", 8, 9, 10]], []),
    ("region,01,02,03\nN,5,6,7\nS,8,9,9\n", ["region", "01", "02", "03"], [["N", 5, 6, 7], ["S", 8, 9, 9]], []),
    ("product,2023,2024\nA,5,6\nB,7,8\n", ["product", "2023", "2024"], [["A", 5, 6], ["B", 7, 8]], []),
    ("product,2026-01,2026-02\nA,5,6\nB,7,8\n", ["product", "2026-01", "2026-02"], [["A", 5, 6], ["B", 7, 8]], []),
    ("2026-01-01,2026-02-01\n5,6\n7,8\n", ["2026-01-01", "2026-02-01"], [[5, 6], [7, 8]], []),
    ("1,2,3\na,b,c\nd,e,f\n", ["1", "2", "3"], [["a", "b", "c"], ["d", "e", "f"]], []),
    ("Sales report,\nregion,q1\nN,1\nS,3\n", ["region", "q1"], [["N", 1], ["S", 3]], []),
    ("Umsatz 2025\nMonat;Wert\nJan;5\nFeb;6\n", ["Monat", "Wert"], [["Jan", 5], ["Feb", 6]], []),
    (
        ",2025,,2026,\nregion,q1,q2,q1,q2\nN,1,2,3,4\nS,5,6,7,8\n",
        ["region", "2025 q1", "2025 q2", "2026 q1", "2026 q2"],
        [["N", 1, 2, 3, 4], ["S", 5, 6, 7, 8]],
        [],
    ),
    (
        "id,,text 1,text 2\nA1,north,,\nA2,,north,\nA3,,north,\nA4,,north,\n",  # a gap, and no second line of names
        ["id", "column_2", "text 1", "text 2"],
        [
            ["A1", "north", None, None],
            ["A2", None, "north", None],
            ["A3", None, "north", None],
            ["A4", None, "north", None],
        ],
        [],
    ),
    (
        "id,text 0,text 1,\nA1,,,north\nA2,Süd,,\n",  # nothing stands below the name beside the gap: no group
        ["id", "text 0", "text 1"],
        [["A2", "Süd", None]],
        [(2, "too_many_cells")],
    ),
    ("region,2025,\n,q1,q2\nN,1,2\nS,3,4\n", ["region", "2025 q1", "2025 q2"], [["N", 1, 2], ["S", 3, 4]], []),
    ("time,temp\ns,degC\n0,20.5\n1,21\n", ["time [s]", "temp [degC]"], [[0, 20.5], [1, 21.0]], []),
    ("time,temp\n[s],[degC]\n0,20.5\n1,21\n", ["time [s]", "temp [degC]"], [[0, 20.5], [1, 21.0]], []),
    ("time,temp\n(s),(°C)\n0,20.5\n1,21\n", ["time (s)", "temp (°C)"], [[0, 20.5], [1, 21.0]], []),
    ("v;w;name\nkm/h;m/s^2;\n1;2;a\n3;4;b\n", ["v [km/h]", "w [m/s^2]", "name"], [[1, 2, "a"], [3, 4, "b"]], []),
    ("size,n\nm,l\ns,m\n", ["size", "n"], [["m", "l"], ["s", "m"]], []),
    ("x,y\np,q\n1,2\n3,4\n", ["x", "y"], [["p", "q"], ["1", "2"], ["3", "4"]], []),
    ("name,weight\n,kg\nA,5\nB,6\n", ["name", "weight kg"], [["A", 5], ["B", 6]], []),
    ('id,"na"me",qty\n1,Ann,3\n2,Bob,4\n', ["id", 'na"me', "qty"], [[1, "Ann", 3], [2, "Bob", 4]], []),
    ("# comment, one\n# comment two\nid,name\n1,a\n2,b\n", ["id", "name"], [[1, "a"], [2, "b"]], []),
    ("region,q1,q1\n,2025,2026\nN,1,2\nS,3,4\n", ["region", "q1 2025", "q1 2026"], [["N", 1, 2], ["S", 3, 4]], []),
    ("year,2025,2025\nregion,q1,q2\nEast,1,2\n", ["year region", "2025 q1", "2025 q2"], [["East", 1, 2]], []),
    ("city,01/02/2026,02/02/2026\nA,5,6\n", ["city", "01/02/2026", "02/02/2026"], [["A", 5, 6]], []),
    ("id  t\n--  --\n1   a\n2   b\n", ["id", "t"], [[1, "a"], [2, "b"]], []),
    (
        "Date,Text,Sum\n********,****,***\n2026-01-01,x,5.5\n2026-01-02,y,6.5\n",
        ["Date", "Text", "Sum"],
        [[D("2026-01-01"), "x", 5.5], [D("2026-01-02"), "y", 6.5]],
        [],
    ),
    (
        "交易号,商家,金额,\n1,a,5.5,\n2,b,6.5,\n------------------------\n共2笔记录\n已收入:1笔,12元\n导出时间:[2026-01-01]\n",
        ["交易号", "商家", "金额"],
        [[1, "a", 5.5], [2, "b", 6.5]],
        [],
    ),
    ("a|b\n---|---\n1|x\n2|w\n", ["a", "b"], [[1, "x"], [2, "w"]], []),
    (" id | nr \n----+----\n  1 | 5\n  2 | 6\n(2 rows)\n", ["id", "nr"], [[1, 5], [2, 6]], []),
    (
        "Ann,Rome\nAnn,Rome\nBob,Oslo\n",
        ["column_1", "column_2"],
        [["Ann", "Rome"], ["Ann", "Rome"], ["Bob", "Oslo"]],
        [],
    ),
    ("// made by x, y\nid,name\n1,a\n2,b\n", ["id", "name"], [[1, "a"], [2, "b"]], []),
    ("#id,name\n1,a\n2,b\n", ["#id", "name"], [[1, "a"], [2, "b"]], []),
    ("# generated 2026-01-01, by x\n#id,name\n1,a\n", ["#id", "name"], [[1, "a"]], []),
    ("% comment; one\n% two\nid;name\n1;a\n", ["id", "name"], [[1, "a"]], []),
    ("-- dump 1, 2\nid,name\n1,a\n", ["id", "name"], [[1, "a"]], []),
    ("* note, more\nid,name\n1,a\n", ["id", "name"], [[1, "a"]], []),
    ("* a,1\n* b,2\n", ["column_1", "column_2"], [["* a", 1], ["* b", 2]], []),
    ("Umsatz 2026, alle Regionen\nregion,q1\nN,1\nS,2\n", ["region", "q1"], [["N", 1], ["S", 2]], []),
    ("first name, age\nAnn,1\nBob,2\n", ["first name", "age"], [["Ann", 1], ["Bob", 2]], []),
]
HEADERS_AND_ROWS_OF_OTHER_WIDTHS: list[Case] = [
    (
        "id,place,lat,lon,\n1,Oslo,59.9,10.7\n2,Bern,46.9,7.4\n",
        ["id", "place", "lat", "lon"],
        [[1, "Oslo", 59.9, 10.7], [2, "Bern", 46.9, 7.4]],
        [],
    ),
    ("a,b,c,,\n1,2,3\n4,5,6\n", ["a", "b", "c"], [[1, 2, 3], [4, 5, 6]], []),
    ("a,b\n1,2,\n3,4,\n", ["a", "b"], [[1, 2], [3, 4]], []),
    (
        '"HITId","Answer","Approve","Reject"\n"39O0","WM1"\n"39O1","WM2"\n',
        ["HITId", "Answer", "Approve", "Reject"],
        [["39O0", "WM1", None, None], ["39O1", "WM2", None, None]],
        [],
    ),
    (
        "Name,Mail,Phone,Fax\nAnn,ann@x.test,11,12\nBob,bob@x.test\nCy,cy@x.test,13\n",
        ["Name", "Mail", "Phone", "Fax"],
        [["Ann", "ann@x.test", 11, 12], ["Bob", "bob@x.test", None, None], ["Cy", "cy@x.test", 13, None]],
        [],
    ),
    ("a;b;c;d\n1;2\n3;4;5\n6;7\n", ["a", "b", "c", "d"], [[1, 2, None, None], [3, 4, 5, None], [6, 7, None, None]], []),
    # Rows end in empty cells elsewhere: this one was cut off.
    (
        "id,name,note\n1,a,\n2,b\n3,c,x\n",
        ["id", "name", "note"],
        [[1, "a", None], [3, "c", "x"]],
        [(3, "too_few_cells")],
    ),
]
CELLS_WITHOUT_QUOTES: list[Case] = [
    (
        "id,amount,ok\n1,1,234.50,y\n2,12.00,n\n3,5,000.00,y\n",
        ["id", "amount", "ok"],
        [[2, 12.0, "n"]],
        [(2, "too_many_cells"), (4, "too_many_cells")],
    ),
    (
        "id,name,n\n1,Müller, Hans,2\n2,Meier, Eva,3\n3,X,4\n",
        ["id", "name", "n"],
        [[3, "X", 4]],
        [(2, "too_many_cells"), (3, "too_many_cells")],
    ),
    ("id,text 0\nA1,,one,more\nA2,north\n", ["id", "text 0"], [["A2", "north"]], [(2, "too_many_cells")]),
]
LINES_OF_DELIMITERS: list[Case] = [
    (
        "id,a,b\n\nx,y,z\nu,v,w\nr,s,t\n\nkey,value\nk1,1\n",
        ["id", "a", "b"],
        [["x", "y", "z"], ["u", "v", "w"], ["r", "s", "t"]],
        [(7, "other_table"), (8, "other_table")],
    ),
    ("id|n\nperson 1|5\nperson 2\n", ["id", "n"], [["person 1", 5]], [(3, "too_few_cells")]),
    ("id,title\n1,one\n2,two\n,\n,\n,\n", ["id", "title"], [[1, "one"], [2, "two"]], []),
    ("a,b\n1,2\n , \n3,4\n", ["a", "b"], [[1, 2], [3, 4]], []),
    ('a,b\n1,2\n"",""\n', ["a", "b"], [[1, 2]], []),
    (",,\n,,\na,b,c\n1,2,3\n", ["a", "b", "c"], [[1, 2, 3]], []),
    ("a\tb\n1\t2\n\t\n\t\n3\t4", ["a", "b"], [[1, 2], [3, 4]], []),
]
FRAMED: list[Case] = [
    ("| id | name |\n| 1 | Ann |\n| 2 | Bob |\n", ["id", "name"], [[1, "Ann"], [2, "Bob"]], []),
    ("| id | name |\n|----|------|\n| 1 | |\n| | Bob |\n", ["id", "name"], [[1, None], [None, "Bob"]], []),
    ("|id|name|\n|1|Ann|x|\n|2|Bob|\n|3|Cy|\n", ["id", "name"], [[2, "Bob"], [3, "Cy"]], [(2, "too_many_cells")]),
    ("+----+------+\n| id | name |\n+----+------+\n|  1 | Ann  |\n+----+------+\n", ["id", "name"], [[1, "Ann"]], []),
]
ID_NAME: tuple[list[str], list[list[Any]], list[tuple[int, str]]] = (["id", "name"], [[1, "Ann"], [2, "Bob"]], [])
DRAWN: list[Case] = [
    ("┌────┬──────┐\n│ id │ name │\n├────┼──────┤\n│ 1  │ Ann  │\n│ 2  │ Bob  │\n└────┴──────┘\n", *ID_NAME),
    ("│ id │ name │\n├────┼──────┤\n│ 1  │ Ann  │\n├────┼──────┤\n│ 2  │ Bob  │\n", *ID_NAME),
    ("┏━━━━┳━━━━━━┓\n┃ id ┃ name ┃\n┡━━━━╇━━━━━━┩\n│ 1  │ Ann  │\n│ 2  │ Bob  │\n└────┴──────┘\n", *ID_NAME),
    ("╔════╦══════╗\n║ id ║ name ║\n╠════╬══════╣\n║ 1  ║ Ann  ║\n║ 2  ║ Bob  ║\n╚════╩══════╝\n", *ID_NAME),
    ("|| id || name ||\n| 1 | Ann |\n| 2 | Bob |\n", *ID_NAME),
    ("|| id |\n|| 1 |\n|| 2 |\n", ["column_1", "id"], [[None, 1], [None, 2]], []),
    ("id\x01name\n1\x01Ann\n2\x01Bob\n", *ID_NAME),
    ("a,b\n1,2\n****,****\n3,4\n----,----\n", ["a", "b"], [[1, 2], [3, 4]], []),
    ("a,b\n1,2\n3,4\n＊＊＊,＊＊＊\n", ["a", "b"], [[1, 2], [3, 4]], []),
    ("a,b\nx,y\n--,--\n---,z\n", ["a", "b"], [["x", "y"], ["--", "--"], ["---", "z"]], []),
    ("a\nx\n----\n****\n", ["a"], [["x"], ["----"], ["****"]], []),
    ("2023,2024,2025\n5,6,7\n8,9,10\n", ["2023", "2024", "2025"], [[5, 6, 7], [8, 9, 10]], []),
    ("2023,2024\n2025,2026\n", ["column_1", "column_2"], [[2023, 2024], [2025, 2026]], []),
]
WRAPPED: list[Case] = [
    ('a,b\n"1,2"\n"3,4"\n', ["a", "b"], [[1, 2], [3, 4]], []),
    ('a,b\n"1,2"\n"3,4"\n"5,6"', ["a", "b"], [[1, 2], [3, 4], [5, 6]], []),
    ('a,b\n"1,2"\n"3,4"\n5,6\n', ["a", "b"], [[1, 2], [3, 4], [5, 6]], []),
    ('a,b\n"1","2"\n"3",4\n5,6\n', ["a", "b"], [[1, 2], [3, 4], [5, 6]], []),
    ('"a,b"\n"1,2"\n"3,4"\n', ["a", "b"], [[1, 2], [3, 4]], []),
    ('a;b\r\n"1;""x; y"""\r\n"2;z"\r\n', ["a", "b"], [[1, "x; y"], [2, "z"]], []),
    ('name\n"Miller, Ann"\n"Bob, Jr"\n', ["name"], [["Miller, Ann"], ["Bob, Jr"]], []),
    ('"Ort, Land"\n"Bonn, DE"\n', ["Ort, Land"], [["Bonn, DE"]], []),
    ('"v"\n"1,5"\n"2,7"\n', ["v"], [[1.5], [2.7]], []),
    ("'id'\t'x'\n'A1'\t'O''Brien'\n'A2'\t'a;b'\n", ["id", "x"], [["A1", "O'Brien"], ["A2", "a;b"]], []),
    ("id,x\n1,rock 'n' roll\n2,it's\n3,'t\n", ["id", "x"], [[1, "rock 'n' roll"], [2, "it's"], [3, "'t"]], []),
    ("a,b\n'x, y',1\n'it''s',2\n", ["a", "b"], [["x, y", 1], ["it's", 2]], []),
]
STATEMENT = "Date,Desc,Debit,Credit\n2026-10-01,UPI,1500,0\n2026-10-02,SALARY,0,100000\n"
STATED: tuple[list[str], list[list[Any]], list[tuple[int, str]]] = (
    ["Date", "Desc", "Debit", "Credit"],
    [[D("2026-10-01"), "UPI", 1500, 0], [D("2026-10-02"), "SALARY", 0, 100000]],
    [],
)
WORDS_FOR_NOTHING: list[Case] = [
    *((f"{name}\n5\n6\n", [name], [[5], [6]], []) for name in ("NA", "null", "None", "N/A", "nan", "-", "无")),
    ("name,-\na,5\nb,6\n", ["name", "-"], [["a", 5], ["b", 6]], []),
    ("门店,无\na,5\nb,6\n", ["门店", "无"], [["a", 5], ["b", 6]], []),
    ("a,NA\nb,5\nc,6\n", ["column_1", "column_2"], [["a", None], ["b", 5], ["c", 6]], []),
]
EXTF = '"EXTF";700;21;"Buchungen";20261031;;"RE";2026'
NOTES_ABOVE: list[Case] = [
    (f"Name:,KUMAR\nNo:,0001\nBranch:,X\n\n{STATEMENT}", *STATED),
    (f"Name:,KUMAR\nNo:,0001\nBranch:,X\nFrom:,2026\n{STATEMENT}", *STATED),
    (f"Name  :,KUMAR\nNo  :,1\nBranch  :,X\nCity  :,Y\n\n{STATEMENT}", *STATED),
    ("".join(f"Key {n},{'ACME' if n % 2 else n}\n" for n in range(10)) + f"\n{STATEMENT}", *STATED),
    ("".join(f"Key {n}:,ACME\n" for n in range(15)) + f"\n{STATEMENT}", *STATED),
    ("Name:,KUMAR\nNo:,0001\nBranch:,X\n\nday,qty\n2026-01-01,5\n2026-01-02,6\n", ["day", "qty"],
     [[D("2026-01-01"), 5], [D("2026-01-02"), 6]], []),
    ("Name:,KUMAR\nNo:,0001\nFrom:,X\n\nname,city,land\nAnn,Bonn,DE\nBob,Ulm,DE\n", ["name", "city", "land"],
     [["Ann", "Bonn", "DE"], ["Bob", "Ulm", "DE"]], []),
    (f"Name=KUMAR\nNo=0001\nBranch=X\nFrom=2026\n\n{STATEMENT}", *STATED),
    ("a,b\n“Smith, J”,1\n“Lee”,2\n", ["a", "b"], [["Smith, J", 1], ["Lee", 2]], []),
    ("Name:,Age:\nAnn,5\nBob,6\n", ["Name:", "Age:"], [["Ann", 5], ["Bob", 6]], []),
    (f"Statement\nName:,KUMAR,Branch:,X\nNo:,0001,From:,2026\n{STATEMENT}", *STATED),
    (f"Statement,,,\nName,KUMAR,,\nNo,0001,,\n,,,\n{STATEMENT}", *STATED),
    (
        '"Konto:";"DE12 3456"\n"Zeit:";"01.10.2026 - 31.10.2026"\n"Stand:";"1.234,56 EUR"\n\n'
        '"Tag";"Text";"Betrag"\n"30.10.2026";"Miete; Okt";"-850,00"\n"29.10.2026";"Gehalt";"2.500,00"\n',
        ["Tag", "Text", "Betrag"],
        [[D("2026-10-30"), "Miete; Okt", -850.0], [D("2026-10-29"), "Gehalt", 2500.0]],
        [],
    ),
    (f"{EXTF}\nUmsatz;Konto;Text\n119,00;8400;x\n1200,50;8400;y\n", ["Umsatz", "Konto", "Text"],
     [[119.0, 8400, "x"], [1200.5, 8400, "y"]], []),
    (f"{EXTF}\nUmsatz;Konto;Text\n{'119,00;8400;x' + chr(10)}" + "119,00;8400;x\n" * 19, ["Umsatz", "Konto", "Text"],
     [[119.0, 8400, "x"]] * 20, []),
]  # fmt: skip
CASES = [
    *NOTES_ABOVE, *WORDS_FOR_NOTHING,
    *ROWS_ABOVE_A_CHANGE_OF_WIDTH, *BLANKS_AROUND_QUOTES, *OTHER_DELIMITERS_IN_CELLS, *NOT_ONE_COLUMN, *ONE_COLUMN,
    *THE_END_COUNTS, *HEADERS, *HEADERS_AND_ROWS_OF_OTHER_WIDTHS, *LINES_OF_DELIMITERS,
    *CELLS_WITHOUT_QUOTES, *FRAMED, *DRAWN, *WRAPPED,
]  # fmt: skip


def plainly(value: Any) -> Any:
    """Decimals as they are short to write."""
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize(("text", "columns", "rows", "rejects"), CASES, ids=[repr(case[0])[:60] for case in CASES])
def test_tables_are_found(
    imported: Importer, text: str, columns: list[str], rows: list[list[Any]], rejects: list[tuple[int, str]]
) -> None:
    result = imported(text)
    assert (result.columns, [list(map(plainly, row)) for row in result.rows]) == (columns, rows)
    assert [(line, code) for line, _, code in result.reasons] == rejects


@pytest.mark.parametrize("text", [case[0] for case in CASES], ids=[repr(case[0])[:60] for case in CASES])
def test_what_a_preview_found_imports_the_same(imported: Importer, text: str) -> None:
    preview = imported.preview(text)
    options = {name: getattr(preview.options, name) for name in preview.options.__struct_fields__}
    found, told = imported(text), imported(text, **options)
    assert (told.columns, told.rows, told.reasons) == (found.columns, found.rows, found.reasons)
    assert told.converted.named == found.converted.named == preview.named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a,b\n1,2\n", {"header": 1}),
        ("1,2\n3,4\n", {}),
        (",2025,\nr,q1,q2\nN,1,2\nS,3,4\n", {"header": 2}),
        (
            "Report of May\n\nname;qty\na;1\nb;2\n\nprinted by Ann\n",
            {"above_table": 1, "header": 1, "blank": 2, "below_table": 1},
        ),
        ("a,b\n1,2\n****,****\n3,4\n----,----\n", {"header": 1, "delimiters_only": 2}),
        ("---------\nNAME  QTY\n---------\nAnn    12\nBob     3\n---------\n", {"header": 1, "delimiters_only": 3}),
        ("sep=;\na;b\n1;2\n", {"above_table": 1, "header": 1}),
        (
            "# x, y\n\nid,n\n1,2\n,\n3,4\n* without tax\nSource: us\n",
            {"above_table": 1, "header": 1, "blank": 1, "delimiters_only": 1, "below_table": 2},
        ),
        (
            "Customer,ACME\nPeriod,2026\n\nid,name,qty,price\n1,a,2,3.5\n2,b,4,5.5\n",
            {"above_table": 2, "header": 1, "blank": 1},
        ),
    ],
)
def test_what_is_neither_row_nor_reject_is_named(imported: Importer, text: str, named: dict[str, int]) -> None:
    assert imported(text).converted.named == named
    assert imported.preview(text).named == named


def test_a_preview_shows_the_lines_that_would_be_left_out(imported: Importer) -> None:
    preview = imported.preview("Report\n\nid,n\n1,2\nid,n\n3,4\n5\n\nprinted by Ann\n")
    assert [(one.line, one.reason, one.raw) for one in preview.left_out] == [
        (1, "above_table", "Report"), (5, "header_again", "id,n"), (7, "too_few_cells", "5"),
        (9, "below_table", "printed by Ann"),
    ]  # fmt: skip


def test_all_below_a_drawn_line_is_a_note_unless_rows_follow(imported: Importer) -> None:
    table = "id,name,n\n" + "".join(f"{n},name {n},{n}.5\n" for n in range(20))
    notes = "------\n2 rows\nin:0,0.00\nout:2,12.00\nprinted:[2026-02-01 10:00:00]    by:ann\n"
    result = imported(table + notes)
    assert (len(result.rows), result.rejects, result.converted.named) == (20, [], {"header": 1, "below_table": 5})
    result = imported(table + notes + "20,name 20,1.5\n")
    assert (len(result.rows), len(result.rejects)) == (21, 5)


def test_a_row_after_what_looked_like_the_end_is_a_row(imported: Importer) -> None:
    result = imported("id,n\n1,2\nthat was January\n3,4\n5,6\n")
    assert result.rows == [[1, 2], [3, 4], [5, 6]]
    assert (result.reasons, result.converted.named) == ([(3, None, "too_few_cells")], {"header": 1})


PRICES = "sku,qty,price\nA1,2,3.5\nB2,4,1.25\n"
STAFF = "姓名,部门,工资\n张三,销售,8000\n李四,财务,9000\n合计,,17000\n"


@pytest.mark.parametrize(
    ("text", "types", "rows", "notes"),
    [
        (f"{PRICES}\nDisclaimer: values are provisional, subject to change, and may differ.\n", "decimal", 2, 1),
        (f"{PRICES}\nDisclaimer: values are provisional, and may differ.\n", "decimal", 2, 1),
        (f"{PRICES}\nDisclaimer: values are provisional, of us, as said, and may differ.\n", "decimal", 2, 1),
        (f"{PRICES}\n打印人：张三,,打印时间：2026-11-26\n", "decimal", 2, 1),
        (f"{STAFF}制表人：王五,,审核：赵六\n", "integer", 3, 1),
        (f"{STAFF}制表人：王五,,\n审核：赵六,日期：2026-11-26,\n", "integer", 3, 2),
        (f"{PRICES},,\nwithout tax,,\nas of May,,\n", "decimal", 2, 2),
        (f"{PRICES}Source: us,,\n", "decimal", 2, 1),
        (f"{PRICES}* without tax,,\n", "decimal", 2, 1),
        ("name,city\nAnn,Bonn\nBob,Ulm\n\nPrinted by:,\n", "text", 2, 1),
        ("姓名,城市\n张三,北京\n李四,上海\n制表人：王五,\n", "text", 3, 0),
        ("姓名,部门,城市\n张三,销售,北京\n李四,财务,上海\n制表人：王五,,审核：赵六\n", "text", 2, 1),
        ("id,name,n\n1,a,5\n2,b,6\nPage 1 of 1,,\n", "integer", 2, 1),
        ("id,name,n\n1,a,5\n2,b,6\n-----,,\nreport of Ann,,\n", "integer", 2, 2),
        ("id,n\n1,5\n2,6\nRows:,2\n", "integer", 2, 1),
        # Rows
        ("id,n\nA1,5\nA2,6\nTotal:,11\n", "integer", 3, 0),
        ("id,name,n\n1,a,5\n2,b,6\nx,,\n", "integer", 3, 0),
        (f"{PRICES}New York,,\n", "decimal", 3, 0),
        (f"{PRICES}\nNew York,,5\n", "decimal", 3, 0),
        ("name,about\nAnn,likes: tea\nBob: jr,likes: milk\n", "text", 2, 0),
        ("note,n\nto: Ann,1\nto: Bob,\n", "integer", 2, 0),
        ("name,city\nAnn,Bonn\nNote: x,abc\n", "text", 2, 0),
    ],
)
def test_notes_with_cells_like_rows_are_told_from_them(
    imported: Importer, text: str, types: str, rows: int, notes: int
) -> None:
    result, preview = imported(text), imported.preview(text)
    assert list(result.types.values())[-1] == types
    assert (len(result.rows), result.rejects, result.converted.named.get("below_table", 0)) == (rows, [], notes)
    assert preview.named == result.converted.named
    assert [column.type for column in preview.columns] == list(result.types.values())


def test_notes_below_many_rows_are_notes(imported: Importer) -> None:
    result = imported("id,n\n" + f"1,{'much ' * 20}\n" * 100_000 + "\nprinted by Ann\n")
    assert (len(result.rows), result.rejects) == (100_000, [])
    assert result.converted.named == {"header": 1, "blank": 1, "below_table": 1}


def test_headers_and_empty_rows_far_below_are_found_by_the_fast_reader(imported: Importer) -> None:
    result = imported("id,n\n" + (f"1,{'x' * 100}\n" * 30_000 + "id,n\n,\n---,----\n") * 3 + "2,x\n")
    assert len(result.rows) == 90_001
    assert result.reasons == [(line * 30_003 - 1, None, "header_again") for line in (1, 2, 3)]
    assert result.converted.named == {"header": 1, "delimiters_only": 6}


def test_short_rows_are_filled_or_left_out_as_one_says(imported: Importer) -> None:
    text = "a,b,c\n1,2,3\n4,5\n6,7,8\n9,10,11\n"
    assert imported(text).reasons == [(3, None, "too_few_cells")]
    assert [(one.code, one.parameters) for one in imported.preview(text).warnings] == [
        ("short_rows", {"count": 1, "rows": 4})
    ]
    assert imported(text, pad_short_rows=True).rows[1] == [4, 5, None]
    short = "a,b,c\n1,2\n3,4\n5,6\n"
    assert [one.code for one in imported.preview(short).warnings] == ["short_rows_filled"]
    with pytest.raises(FileProblem) as caught:
        imported(short, pad_short_rows=False)
    assert caught.value.specific_code == "all_rejected"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id,name\n1,Ann,x,y\n2,Bob,z,w\n", [{"line": 2, "found": 4, "expected": 2}]),
        ("# two\n\nday,qty\n1,4\n2,5,kg\n3,6,kg\n4,7,kg\n", [{"line": 5, "found": 3, "expected": 2}]),
        ("Name,,\nAnn,3,4\nBob,5,6\n", []),
        ("a,b\n1,2,\n3,4,\n", []),
    ],
)
def test_columns_without_a_name_are_told(imported: Importer, text: str, found: list[dict[str, int]]) -> None:
    for warnings in (imported(text).converted.warnings, imported.preview(text).warnings):
        assert [one.parameters for one in warnings if one.code == "more_cells_than_names"] == found


def test_units_that_became_part_of_the_names_are_told(imported: Importer) -> None:
    text = "time,temp\ns,degC\n0,20.5\n1,21\n"
    warnings = [(one.code, one.parameters) for one in imported.preview(text).warnings]
    assert warnings == [("units_in_names", {"name": "time [s]"})]
    assert imported(text).converted.named == {"header": 2}


def test_quotes_around_whole_lines_are_told(imported: Importer) -> None:
    assert [one.code for one in imported.preview('a,b\n"1,2"\n"3,4"\n').warnings] == ["lines_in_quotes"]


# Totals

TWENTY = "".join(f"s{number},{number}\n" for number in range(1, 21))  # 210
SALES = "region,amount\nN,5.10\n小计,5.10\nS,7\nW,1.2\n小计,8.20\n合计,13.30\n"


@pytest.mark.parametrize(
    ("text", "count", "line"),
    [
        ("region,amount\nN,5\nS,7\nTotal,12\n", 1, 4),
        ("region,amount\nN,5\nS,7\nGrand total:,12\n", 1, 4),
        ("Gebiet;Betrag\nN;5,5\nS;7\nSumme;12,5\n", 1, 4),
        ("id,region,amount,price\n1,N,5,2.5\n2,S,7,1.5\n,Total,12,\n", 1, 4),
        ("id,amount\n1,5\n2,7\nTotal,12\n", 1, 4),
        (SALES, 3, 3),
        ("region,shop,sales\nN,a,10\nN,b,20\nN Total,,30\nS,c,5\nS Total,,5\nGrand Total,,35\n", 3, 4),
        ("Gebiet;Umsatz\na;10\nb;20\nNord Ergebnis;30\nc;5\nSüd Ergebnis;5\nGesamtergebnis;35\n", 3, 4),
        ("a,1\na Total,1\nb,2\nb Total,2\nN Total,3\nc,7\nc Total,7\nd,8\nd Total,8\nS Total,15\n", 6, 2),
        ("月,店,额\n1,甲,5\n1,乙,7\n1 汇总,,12\n", 1, 4),
        (f"shop,sales\n{TWENTY}x,abc\nTotal,220\n", 1, 23),
        (f"shop,sales,n\n{TWENTY.replace(chr(10), f',1{chr(10)}')}x,7\nTotal,217,21\n", 1, 23),
        (f"shop,sales\n{TWENTY}x,abc\nTotal,3\n", 0, 0),
        ("shop,n,city\na,5,x\nb,6,y\nc,7\nTotal,16,z\n", 0, 0),
        (f"shop,sales\n{TWENTY}x,abc\nTotal Oil,220\n", 0, 0),
        ("shop,sales\na,10\nb,20\n,30\n", 1, 4),
        ("shop,sales,n\na,10,1\nb,20,4\n,30,4\n", 0, 0),
        ("group,shop,sales\nN,a,10\n,b,20\n,c,30\n", 0, 0),
        ("no,date,sales\nA1,2026-01-01,10\nA2,2026-01-02,20\n,,30\n", 1, 4),
        ("|id|sales|unit|\n|-|-|-|\n|A1|10|EUR|\n|A2|20|EUR|\n|*|30|EUR|\n", 1, 5),
        ("date,invoice,customer,sales\n2026-01-01,A1,x,10\n2026-01-02,A2,y,20\n,,Total,30\n", 1, 4),
        ("company,n\nShell,5\nTotal,7\nBP,9\n", 0, 0),
        ("region,amount\nTotal,5\nN,6\n", 0, 0),
        ("region,amount\nN,5\nS,7\nTotal,13\n", 0, 0),
        ("region,amount\nN,5\nS,7\nRest,12\n", 0, 0),
    ],
)
def test_rows_that_sum_those_above_are_kept_with_a_warning(
    imported: Importer, text: str, count: int, line: int
) -> None:
    result = imported(text)
    assert len(result.rows) + len(result.rejects) + sum(result.converted.named.values()) == text.count("\n")
    warnings = [one.parameters for one in result.converted.warnings if one.code == "total_rows"]
    assert warnings == ([{"count": count, "line": line}] if count else [])
    assert [one.parameters for one in imported.preview(text).warnings if one.code == "total_rows"] == warnings


@pytest.mark.parametrize(
    "names",
    [
        "Total|TOTALS|Grand Total|Subtotal|sub-total:|** Total **|Total: Account|Total général|Total general|Somme",
        "Summe|Gesamt|Gesamtsumme|Gesamtergebnis|Zwischensumme|Nord Ergebnis|Totale|Suma|Totaal|Subtotaal|Som",
        "Razem|Ogółem|Celkem|Celkom|Součet|Összesen|Végösszeg|Toplam|GENEL TOPLAM|Yhteensä|I alt|Summa|Totalt|Samtals",
        "Ukupno|Skupaj|Kokku|Kopā|Iš viso|Jumlah|Σύνολο|ΣΥΝΟΛΟ|Итого|ВСЕГО|Итог по группе|Разом|Усього|Общо|Укупно",
        "المجموع|الإجمالي|סה״כ|סהכ|סך הכל|कुल|योग|รวม|Tổng cộng|Cộng|총계|합계|소계|계|計|合計|小計|総計|總計",
        "合计|小计|总计|合 计|合　计|小 计：|总　　计|本页小计|本月合计|本年累计|总额|共计|"
        "华东 汇总|华东汇总|甲小计|*|**|Σ|∑",
    ],
)
def test_totals_have_names_in_many_languages(names: str) -> None:
    for name in names.split("|"):
        assert is_like_a_total(name), name
        assert pc.match_substring_regex(pa.array([name]), LIKE_A_TOTAL).to_pylist() == [True], name


@pytest.mark.parametrize("name", ["Resultat", "Nord", "设计", "统计局", "会计", "Teilsummen je Ort", "5 * 3", "x*"])
def test_other_names_are_no_totals(name: str) -> None:
    assert not is_like_a_total(name)


def test_totals_are_left_out_where_one_says_so(imported: Importer) -> None:
    result = imported(SALES, leave_out_totals=True)
    assert [list(map(plainly, row)) for row in result.rows] == [["N", 5.1], ["S", 7.0], ["W", 1.2]]
    assert (
        result.converted.named == {"header": 1, "total_row": 3} == imported.preview(SALES, leave_out_totals=True).named
    )
    numbered = imported("id,amount\n1,5\n2,7\nTotal,12\n", leave_out_totals=True)
    assert (numbered.types["id"], numbered.rows, numbered.rejects) == ("integer", [[1, 5], [2, 7]], [])


def test_the_total_of_a_large_file_is_found_at_its_end(imported: Importer) -> None:
    text = "region,amount\n" + "N,1\nS,2\n" * 100_000 + "Total,300000\n"
    assert [one.parameters for one in imported(text).converted.warnings] == [{"count": 1, "line": 200_002}]
    assert imported(text, leave_out_totals=True).converted.row_count == 200_000


# What cannot be read


def test_quotes_that_are_wrong_in_every_line_are_told(imported: Importer) -> None:
    with pytest.raises(FileProblem, match="Every line has a quote where none may stand, the first in line 1"):
        imported('"Pedro "the" legend"\n"Ann "a" b"\n')
    assert imported('"Pedro "the" legend"\n"Ann "a" b"\n', quote="", header=False).converted.row_count == 2


@pytest.mark.parametrize("text", [",,\n,,\n", "\n\n;;\n", '"",""\n'])
def test_a_file_of_delimiters_has_no_rows(imported: Importer, text: str) -> None:
    with pytest.raises(FileProblem, match="The file has no rows"):
        imported(text)
