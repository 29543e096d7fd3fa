#!/usr/bin/env python3
"""Writes copies of the verifier's sources in which each check can be dropped, one at a time.

    mutate.py ROOT OUT SOURCE...

A check is a condition whose consequence refuses something: an error returned, a finding made. In the copy every
such condition asks tests/tamper/mutants.h first, which lets it be false when it is the check to drop. Checks without
a condition of their own (a TRY of a verification, a refusal at a function's end) are dropped by passing over
them. Three kinds are left alone and counted: limits, whose loss costs memory and changes no verdict; what an
audit cannot reach, for others than auditors (PROMISED); and what a second check refuses in the same words (AGAIN).
The last two are listed one by one with the reason. The shipped verifier is
built from the sources as they are and knows nothing of this. OUT/mutant_table.cc lists the checks: file, line,
text. Only what changed is written.
"""
import re
import sys
from pathlib import Path

# What refuses, at the beginning of a statement.
REFUSALS = re.compile(
    r"return\s+(?:fail|malformed|mismatch|broken|bad|wrong|fails|refuse|out_of_order|ends_early|tampered|breach"
    r"|report_\s*\.\s*(?:tampering|missing|breach)|report_alone)\s*\("
    r"|return\s+(?:Finding|Breach)\s*\{|return\s+tl::unexpected\b"
    r"|(?:report_|report|receiver\.report|holder\.report|issuer\.report)\s*\.\s*(?:tampering|missing|breach|add)\s*\("
    r"|(?:tampered|fails|wrong|breach|report_refusal|report_alone)\s*\(|joined_ = complete_ = false|whole_ = false;?\s*$"
    r"|state = .*State::kWrong|(work\.)?malformed\s*=")
LIMIT = re.compile(r"[\w.>()-]+\s*(==|>|>=)\s*(k\w+Max|bytes_max|limit)")
# What an audit's earlier steps have made sure of: (source, condition) -> by what. Others that share the code need it.
RULES = {"record_checks.cc", "case_checks.cc", "matter_checks.cc"}  # rules.cc, one file a kind of rule
SCHEMA = "an event was read by its schema first"
PROMISED = {
    ("attestation.cc", "time == nullptr || time->value.size() != 8"): SCHEMA,
    ("attestation.cc", "!event.has(kSlotAttestation)"): SCHEMA,
    ("valid_event.cc", "!event_from_code(static_cast<std::uint16_t>(event))"): "V6.event: the leaf's event is known",
    ("valid_event.cc", "value.slot <= before"): "V8.syntax: a packed list ascends",
    ("registry.cc", "!is_node_event(event.event())"): "the replay asks only of 05xx records",
    ("registry.cc", "descriptor->fingerprint() != issuer"): "an audit takes the issuer from the genesis",
    ("registry.cc", 'return refuse("this is not a membership record");'): "every other event has its own branch",
    ("rules.cc", 'return Breach{"the submission is of another signal"};'): "an audit's cases begin without a signal",
    ("rules.cc", "origin.review_ms() == 0"): "where nothing approved, no index fits either",
    ("rules.cc", "origin.review_index() <= origin.amended_index()"): "no event amends yet",
    ("rules.cc", "!judged.state.issuer().empty() && !equal(as_view(judged.state.issuer()), judged.context.issuer)"):
        "a ledger's own cases are its issuer's",
    ("rules.cc", "!signal || !covers(judged.record.leaf, event, *signal) || "
                 "!equal(as_view(judged.state.issuer()), event.hash(kSlotOrigin))"): "the case was found by what the record covers",
    ("rules.cc", "record.leaf.event != static_cast<std::uint16_t>(event.event())"): "the event was read from the leaf",
    ("rules.cc", "judge_record(record, context)"): "the replay has judged the record before its cases",
    ("proof.cc", "older.size == 0 || older.size > newer.size"): "V4 asks only of such sizes",
    ("tile.cc", "width == 0 || width > kTileWidth"): "widths are those of a tree's size",
    ("bundle_names.cc", "!name.starts_with(kIndexFolder)"): "asked of files of that folder",
    ("leaf.cc", "bytes.size() != kLeafBytes"): "V5.entries and V5.proof: leaves are of 128 bytes",
    ("bundle_names.cc", "!chain"): "64 hex digits are 32 bytes",
}
# What a second check refuses with the same finding: the first is there for its words, or to stop early.
AGAIN = {
    ("note.cc", "!is_note_text(bytes)"): "texts, names and base64 are of fewer characters yet",
    ("note.cc", "type != KeyType::kEd25519 && type != KeyType::kCosignatureV1"): "a policy asks for each key's type",
    ("proof.cc", "index >= size"): "such a path leads to another root",
    ("proof.cc", "proof.size() != inclusion_proof_length(index, size)"): "a path of another length leads to another root",
    ("proof.cc", "proof.size() != consistency_proof_length(older.size, newer.size)"): "likewise",
    ("tile.cc", "index > (UINT64_MAX - value) / 1000"): "no tree has such a tile",
    ("tile.cc", "slash == std::string_view::npos"): "what remains is no index",
    ("rules.cc", "until <= j.time()"): "an end before the beginning is also too far from it",
    ("rules.cc", "event.event() != Event::kSubmitted && !(chain && covers(judged.record.leaf, event, *chain))"):
        "a case that no submission began has broken the order before",
    ("openings.cc", "!opening.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))"):
        "what does not parse is not written as the same bytes",
    ("tar.cc", "end % kTarBlockBytes != 0"): "an archive ends with whole blocks",
    ("tar.cc", "digit < '0' || digit > '7'"): "the header is compared with the one for its name and size",
    ("tree.cc", "blank == std::string_view::npos"): "then the left edge has no hash",
    ("chains.cc", "epoch.size > epoch.index || epoch.index - epoch.size > kIndexLagMax"):
        "an index cannot hold hashes of records behind it",
    ("scope.cc", "second == std::string_view::npos"): "what remains is no code",
    ("index_proof.cc", "space == std::string_view::npos"): "what remains is no position",
    ("opening.cc", "!packed.empty()"): "then the closed class lacks its root",
    ("opening.cc", "opening.key_a().empty()"): "then no mandatory slot is there",
    ("valid_event.cc", "slot.slot >= kSlots || slot.slot <= before"): "class_root() refuses them too",
    ("valid_event.cc", "slot.type == kDecoyType"): "likewise",
}
# In these, a plain answer "no" is a refusal too.
NO_MEANS_REFUSED = {"bundle_names.cc", "bundle.cc", "tar.cc", "valid_event.cc", "text.cc"}
NO = re.compile(r"return\s+(?:false|std::nullopt|kNotUtf8)\s*;|break;$")
# And in these, an answer a && b.
YES_IN_PARTS = {"bundle_names.cc", "index_proof.cc", "valid_event.cc"}
CHECKING_CALL = re.compile(r"TRY\(\s*((?:verify_\w+|check_leaf|check_mandatory|check_known|check_subject|check|judge_record)\()")
# Functions in these sources that an audit does not run: what writes, and what others than an auditor ask.
NOT_THE_VERIFIERS = {
    "attest", "open_slot", "verify_slot", "inclusion_proof", "consistency_proof", "judge_proved", "judge_time",
    "parse_openings", "open_page", "seal_page", "TarWriter::begin", "TarWriter::put", "TarWriter::end", "TarWriter::add",
    "TarWriter::finish", "TileNodes::node", "TileNodes::hold", "stored_root", "stored_leaf_hash", "stored_tiles",
    "make_verifier_key", "read_tar", "CaseStore::parse", "prove_in_index", "rule_text",
}
HEADER = re.compile(r" {0,2}(?:template .*|static |inline |constexpr |explicit )*[\w:]+(?:<.*>)?[&*]* (?:const )?[&*]?([\w:~]+)\((?!.*;\s*$)")


def blanked(text):
    """The same text, what stands in strings and characters blanked out, and comments made of spaces."""
    out = list(text)
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    for hit in pattern.finditer(text):
        # An apostrophe between digits separates thousands.
        if hit.group(0)[0] == "'" and hit.start() > 0 and text[hit.start() - 1].isalnum():
            continue
        quoted = hit.group(0)[0] != "/"
        for i in range(hit.start() + quoted, hit.end() - quoted):
            if out[i] != "\n":
                out[i] = "_" if quoted else " "
    return "".join(out)


def closing(code, at):
    """The index of what closes the bracket at `at`."""
    pairs, depth = {"(": ")", "{": "}", "[": "]"}, 0
    opens, closes = code[at], pairs[code[at]]
    for i in range(at, len(code)):
        depth += (code[i] == opens) - (code[i] == closes)
        if depth == 0:
            return i
    raise ValueError("unbalanced")


def split(code, begin, end, mark):
    """[begin, end) cut at every `mark` outside brackets."""
    parts, depth, at, i = [], 0, begin, begin
    while i < end:
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0 and code.startswith(mark, i):
            parts.append((at, i))
            i += len(mark)
            at = i
            continue
        i += 1
    parts.append((at, end))
    return parts


def trimmed(code, begin, end):
    while begin < end and code[begin].isspace():
        begin += 1
    while end > begin and code[end - 1].isspace():
        end -= 1
    return begin, end


def statement(code, at):
    """[begin, end) of the statement at or behind `at`, its braces or semicolon included."""
    while code[at].isspace():
        at += 1
    if code[at] == "{":
        return at, closing(code, at) + 1
    if head := re.compile(r"(if|for|while|switch)\b[^(]*(?=\()").match(code, at):
        end = statement(code, closing(code, head.end()) + 1)[1]
        if other := re.compile(r"\s*else\b").match(code, end):
            end = statement(code, other.end())[1]
        return at, end
    i, depth = at, 0
    while True:
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0 and code[i] == ";":
            return at, i + 1
        i += 1


def own_statements(code, begin, end):
    """Starts of a block's own statements, or of the one statement that it is."""
    if code[begin] != "{":
        return [begin]
    starts, i = [], begin + 1
    while i < end - 1:
        if code[i].isspace():
            i += 1
            continue
        starts.append(i)
        i = statement(code, i)[1]
    return starts


class Copy:
    def __init__(self, path, first):
        self.path, self.text = path, path.read_text()
        self.code = blanked(self.text)
        self.inserts, self.table, self.next = [], [], first
        self.limits = self.promised = self.again = 0
        self.guarded = []  # statements that a mutated condition governs

    def mutant(self, begin, end):
        line = self.text.count("\n", 0, begin) + 1
        words = " ".join(self.text[begin:end].split())
        self.table.append((line, words[:120]))
        self.next += 1
        return self.next - 1

    def function_at(self, at):
        """The name of the function around `at`."""
        for line in reversed(self.text[:at].splitlines()):
            if found := HEADER.match(line):
                return found.group(1)
        return ""

    def foreign(self, at):
        return self.function_at(at) in NOT_THE_VERIFIERS

    def left_alone(self, begin, end):
        words = " ".join(self.text[begin:end].split())
        parts = split(self.code, begin, end, "||")
        if all(LIMIT.fullmatch(" ".join(self.code[a:b].split())) for a, b in parts):
            self.limits += 1
            return True
        name = "rules.cc" if self.path.name in RULES else self.path.name
        if (name, words) in PROMISED:
            self.promised += 1
            return True
        if (name, words) in AGAIN:
            self.again += 1
            return True
        return False

    def wrap(self, begin, end, function):
        if self.left_alone(begin, end):
            return
        number = self.mutant(begin, end)
        self.inserts.append((begin, 1, f"::tocsin::mutants::{function}({number}, static_cast<bool>("))
        self.inserts.append((end, 0, "))"))

    def refuses(self, begin, end):
        for start in own_statements(self.code, begin, end):
            stop = statement(self.code, start)[1]
            words = self.code[start:stop]
            if REFUSALS.match(words) or (self.path.name in NO_MEANS_REFUSED and NO.match(words)):
                return True
        return False

    def conditions(self):
        for hit in re.finditer(r"\bif\s*(?=\()", self.code):
            opening = hit.end()
            end = closing(self.code, opening)
            begin, stop = split(self.code, opening + 1, end, ";")[-1]
            begin, stop = trimmed(self.code, begin, stop)
            governed = statement(self.code, end + 1)
            if not self.refuses(*governed) or self.foreign(opening):
                continue
            declares = re.match(r"(const\s+)?(auto|\w+(::\w+)*)\s*[&*]?\s+\w+\s*=(?!=)", self.code[begin:stop])
            # An archive that cannot be read is nobody's forgery.
            if declares or "bundle/read" in self.text[begin:stop]:
                continue
            self.guarded.append(governed)
            self.wrap(begin, stop, "keep")

    def choices(self):
        """return good ? Status() : wrong(...)"""
        for hit in re.finditer(r"return\s+(?=[^;?]*\?\s*Status\(\)\s*:)", self.code):
            if self.foreign(hit.start()):
                continue
            end = self.code.index("?", hit.end())
            self.wrap(*trimmed(self.code, hit.end(), end), "pass")

    def parts(self):
        if self.path.name not in YES_IN_PARTS:
            return
        for hit in re.finditer(r"return\s+(?=[^;?{]*&&[^;?{]*;)", self.code):
            if not self.foreign(hit.start()):
                self.wrap(*trimmed(self.code, hit.end(), statement(self.code, hit.end())[1] - 1), "pass")

    def calls(self):
        for hit in CHECKING_CALL.finditer(self.code):
            begin = hit.start(1)
            if self.foreign(begin):
                continue
            end = closing(self.code, hit.end(1) - 1) + 1
            if self.left_alone(begin, end):
                continue
            number = self.mutant(begin, end)
            self.inserts.append((begin, 1, f"::tocsin::mutants::keep_status({number}, "))
            self.inserts.append((end, 0, ")"))

    def bare_refusals(self):
        """Findings and refusals that no condition of ours governs."""
        for hit in re.finditer(r"(?<=[;{}:)])\s+(?=(report_?\s*\.\s*(tampering|missing|breach|add)\s*\(|return\s+"
                               r"(fail|malformed|mismatch|broken|wrong|refuse)\s*\(|return\s+(?:Finding|Breach)\s*\{))", self.code):
            at = hit.end()
            if any(begin <= at < end for begin, end in self.guarded) or self.foreign(at):
                continue
            if self.code[:at].rstrip().endswith(")") and not self.after_if(at):
                continue
            end = statement(self.code, at)[1]
            returns = self.code.startswith("return", at)
            kind = self.returns_what(at)
            if (returns and kind is None) or self.left_alone(at, end):
                continue
            number = self.mutant(at, end)
            self.inserts.append((at, 1, f"if (::tocsin::mutants::keep({number}, true)) "))
            # Governed by a condition that declares something: what follows comes next anyway.
            if returns and not self.code[:at].rstrip().endswith(")"):
                self.inserts.append((end, 0, " return {};"))

    def after_if(self, at):
        before = self.code[:at].rstrip()
        depth = 0
        for i in range(len(before) - 1, -1, -1):
            depth += (before[i] == ")") - (before[i] == "(")
            if depth == 0:
                return re.search(r"\bif\s*$", before[:i]) is not None
        return False

    def returns_what(self, at):
        """The type that the function around `at` returns, when nothing is a good answer of it."""
        for line in reversed(self.text[:at].splitlines()):
            if re.search(r"=\s*\[[^\]]*\]", line) and not re.search(r"->\s*(Status|Result)", line):
                return None
            if re.match(r" {0,2}(static )?(Result<.*>|Status|Found) [\w:]+\(", line):
                return line
            if re.match(r" {0,2}\w[\w:<>& ]* [\w:]+\(.*", line) and not line.rstrip().endswith(";"):
                return None
        return None

    def result(self):
        self.conditions()
        self.choices()
        self.parts()
        self.calls()
        self.bare_refusals()
        text = self.text
        for at, _, what in sorted(self.inserts, key=lambda insert: (-insert[0], -insert[1])):
            text = text[:at] + what + text[at:]
        return '#include "tests/tamper/mutants.h"\n' + text


def write(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(root, out, sources):
    table, number, limits, promised, again = [], 1, 0, 0, 0
    for source in sources:
        copy = Copy(Path(root) / source, number)
        text = copy.result()
        number, limits = copy.next, limits + copy.limits
        promised, again = promised + copy.promised, again + copy.again
        table += [(source, line, words) for line, words in copy.table]
        write(Path(out) / source.replace("/", "_"), text)
    rows = "\n".join(f'    {{"{source}", {line}, R"~({words})~"}},' for source, line, words in table)
    write(Path(out) / "mutant_table.cc",
          '#include "tests/tamper/mutants.h"\nconst std::vector<tocsin::mutants::Mutant>& tocsin::mutants::all() {\n'
          "  static const std::vector<Mutant> table = {\n    {\"\", 0, \"\"},\n" + rows + "\n  };\n  return table;\n}\n")
    print(f"{len(table)} checks in {len(sources)} sources; besides {limits} limits, {promised} that an audit "
          f"cannot reach and {again} that another check repeats")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
