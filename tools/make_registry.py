"""Write src/hypecheck/registry.toml from the data folder and the words in tools/datasets.toml.

Run from the root of the repository, with the data folder at hand:

    python tools/make_registry.py DATA_FOLDER

DATA_FOLDER/provenance.json names repository, commit, path, licence and checksum of each file.
Every checksum is recomputed; a file that disagrees stops the run. The same folder and the same
words give the same registry, byte by byte.
"""

import argparse
import gzip
import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

NOTES = Path("tools/datasets.toml")
REGISTRY = Path("src/hypecheck/registry.toml")
HEADER = "# Made by tools/make_registry.py from tools/datasets.toml and checksums. Do not edit.\n"


def count_rows(path: Path) -> str:
    """Count the records of a CSV, TSV or FASTA file, or the bytes of a text; else nothing."""
    suffixes = set(path.suffixes)
    content = path.read_bytes()
    if ".gz" in suffixes:
        content = gzip.decompress(content)
    if suffixes & {".csv", ".tsv"}:
        return f"{len(content.splitlines()) - 1:,}"
    if content.startswith(b">"):
        return f"{content.count(b'>'):,}"
    return f"{len(content):,} bytes" if path.suffix == ".txt" else ""


def describe_file(folder: Path, path: str, origin: dict[str, str] | None) -> dict[str, object]:
    """Return the registry's entry of one file, its checksum checked against its provenance."""
    content = (folder / path).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if origin is None:
        return {"path": path, "url": "", "bytes": len(content), "sha256": sha256}
    if sha256 != origin["sha256"]:
        raise SystemExit(f"{path}: sha256 is {sha256}, provenance.json says {origin['sha256']}")
    url = f"https://raw.githubusercontent.com/{origin['repo']}/{origin['commit']}/"
    return {
        "path": path,
        "url": url + quote(origin["path"]),
        "bytes": len(content),
        "sha256": sha256,
    }


def split_note(note: dict, paths: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield name and paths of every data set that one note speaks of."""
    if "carrier" in note:
        yield note["name"], []
        return
    own = [p for p in paths if p.startswith((note["name"] + "/", note["name"] + "."))]
    if not own:
        raise SystemExit(f"no file belongs to {note['name']!r} of {NOTES}")
    depth = note["name"].count("/") + 2
    sets: dict[str, list[str]] = {}
    for path in own:
        if note.get("each") == "file":
            name = path.rsplit(".", 1)[0]
        elif note.get("each") == "folder":
            name = "/".join(path.split("/")[:depth])
        else:
            name = note["name"]
        sets.setdefault(name, []).append(path)
    yield from sets.items()


def describe_set(folder: Path, name: str, paths: list[str], note: dict, origins: dict) -> dict:
    """Return the registry's entry of one data set."""
    counts = {path: count_rows(folder / path) for path in paths}
    tails = {path: path.removeprefix(name + "/") for path in paths}
    rows = "; ".join(f"{tails[p]} {n}" for p, n in counts.items() if n)
    licences = dict.fromkeys(origins[path]["licence"] for path in paths if path in origins)
    return {
        "name": name,
        "kind": note["kind"],
        "what": note["what"],
        "rows": note.get("rows", rows),
        "licence": note.get("licence", "; ".join(licences)),
        "licence_tier": note["licence_tier"],
        "citation": note["citation"],
        "classes": note.get("classes", []),
        "flaws": note["flaws"],
        "carrier": note.get("carrier", ""),
        "files": [describe_file(folder, path, origins.get(path)) for path in paths],
    }


def to_toml(entry: dict) -> str:
    """Write one data set as TOML; JSON's strings and numbers are TOML's too."""
    lines = ["", "[[dataset]]"]
    for key, value in entry.items():
        if key == "files":
            continue
        lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    files = []
    for file in entry["files"]:
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in file.items())
        files.append(f"  {{ {pairs} }},")
    return "\n".join([*lines, "files = [", *files, "]", ""])


def main() -> None:
    """Read notes and folder, write the registry, and say how much it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="data folder with provenance.json")
    folder = parser.parse_args().folder
    listed = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    origins = {record["file"]: record for record in listed}
    present = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    paths = sorted({*present, *origins} - {"provenance.json"})
    entries = [
        describe_set(folder, name, own, note, origins)
        for note in tomllib.loads(NOTES.read_text(encoding="utf-8"))["dataset"]
        for name, own in split_note(note, paths)
    ]
    orphans = set(paths) - {file["path"] for entry in entries for file in entry["files"]}
    if orphans:
        raise SystemExit(f"no note in {NOTES} speaks of {sorted(orphans)}")
    REGISTRY.write_text(HEADER + "".join(map(to_toml, entries)), encoding="utf-8")
    print(f"{REGISTRY}: {len(entries)} data sets, {len(paths)} files")


if __name__ == "__main__":
    main()
