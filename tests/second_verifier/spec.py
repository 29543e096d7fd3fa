"""protocol/SPEC.md, read as a program: its tables of types, slots, phases, rules and findings, and its forms."""
import os, re

HERE = os.path.dirname(os.path.abspath(__file__))
with open(HERE + "/../../protocol/SPEC.md", encoding="utf-8") as spec: TEXT = spec.read()
def table(header):  # the rows' cells of every table with this header
    found = re.findall(rf"^\| {re.escape(header)} \|\n\|[-|]+\|\n((?:\|.*\|\n)*)", TEXT, re.M)
    return [[cell.strip() for cell in row[1:-1].split("|")] for rows in found for row in rows.splitlines()]
def code(cell): return re.findall("`([^`]*)`", cell)  # the texts in code spans
def expression(text):
    for sign, word in (("≠", "!="), ("≤", "<="), ("≥", ">="), ("⊆", "<="), ("∈", "in"), (" = ", " == ")):
        text = text.replace(sign, word)
    units = {"days": 86400000, "hours": 3600000, "minutes": 60000}
    return compile(re.sub("([0-9]+) (days|hours|minutes)", lambda m: str(int(m[1]) * units[m[2]]), text), text, "eval")
def settings(cell):  # (name, key or None, whether to append, value)
    found = [re.fullmatch(r"(\w+)(?:\[(.*)\])?(:| \+) (.*)", text).groups() for text in code(cell)]
    return [(name, key and expression(key), how == " +", expression(value)) for name, key, how, value in found]

PARTS = dict(re.findall("^- `(<[a-z0-9]+>)` is `([^`]*)`", TEXT, re.M))
FORMS = {}  # {name: (pattern, its groups' parts)}
for name, form in re.findall("^- \\*\\*(.*)\\*\\* `(.*)`$", TEXT, re.M):
    pattern = re.compile(re.sub("<[a-z0-9]+>", lambda m: PARTS[m[0]], form), re.DOTALL)
    FORMS[name] = pattern, [part or "" for part in re.findall(r"(?<!\\)\((?!\?)(<[a-z0-9]+>(?=\)))?", form)]
TYPES = {name: (int(number), *map(int, size.split("–")), expression((code(holds) or ["1"])[0]))
         for number, name, size, _, holds in table("type | name | bytes | value | must hold")}
EVENTS, SLOTS = {}, {}  # {code: name}, {name: {slot: (type, mandatory, last ENUM value, the only LABELS)}}
for events, row in table("event | slots"):
    slots = {i: slot for i, slot in SLOTS["REVIEWED"].items() if i not in (13, 14)} if "as REVIEWED" in row else {}
    slots |= {int(i): (kind, star == "★", max(map(int, re.findall(r"[(,…] ?(\d+) ", rest)), default=0),
                       set(re.findall("[A-Z]+_[A-Z0-9_]+", rest)) if kind == "LABELS" else set())
              for i, star, kind, rest in re.findall(r"(\d+)(★?) ([A-Z]+)\b([^·]*)", row) if kind in TYPES}
    named = {int(number, 16): name for number, name in re.findall("(0[0-9A-F]{3}) ([A-Z_]+)", events)}
    EVENTS, SLOTS = {**EVENTS, **named}, {**SLOTS, **{name: slots for name in named.values()}}
PLACES = {"<fingerprint>": PARTS["<hex>"], "<chain>": PARTS["<hex>"], "<index>": "[0-9]{20}", "<n>": "[0-9]{20}"}
NAMES = "|".join(re.sub("<[a-z]+>", lambda m: PLACES[m[0]], re.escape(name))
                 for names, _ in table("name | content") for name in code(names) if name[:5] != "tile/")
FINDINGS = {}  # {code: (exit, the rule when it is always one)}
marked = " · ".join(row[0] for row in table("code | found when"))
for name, mark in re.findall(r"(V\d+\.[\w-]+)(?: \(([^)]*)\))?", marked):
    rules = re.findall(r"R\d+", mark)
    FINDINGS[name] = {"m": 7, "b": 10}.get(mark[:1], 8), rules[0] if len(rules) == 1 else ""
ISSUERS, RECEIVERS = (table(f"{whose} event | from | to | sets") for whose in ("issuer's", "receiver's"))
PHASES = [(*re.match(r"(\w+) ?(\d*)", event).groups(), old.split(", "), new, settings(sets))
          for event, old, new, sets in ISSUERS + RECEIVERS]  # (event, slot 0 or "", from, to, settings)
MATTERS = [(*re.match(r"(\w+) ?(\d*)", event).groups(), old.split(", "), new, settings(sets))
           for event, old, new, sets in table("matter's event | from | to | sets")]
CLOCKS = {name: (rule, *(expression(*code(cell)) for cell in cells))
          for name, rule, *cells in table("clock | rule | default | due | met | follows from")}
SETS = {event: settings(sets) for event, sets in table("05xx event | sets")}
BROKEN = re.compile(r"(R\d+|order)? ?(V[\w.-]+)?")
RULES = [(events.split(", "), step, *BROKEN.fullmatch(rule).groups(), expression(*code(holds)))
         for events, step, rule, holds in table("event | step | rule | must hold")]
