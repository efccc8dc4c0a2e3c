"""Everything that `make test` runs, part by part, with the seconds of each.

A part that fails does not hide the next one; the exit status is that of the worst.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

PARTS: dict[str, list[str]] = {
    "lint": [str(BIN / "ruff"), "check"],
    "format": [str(BIN / "ruff"), "format", "--check"],
    "types": [str(BIN / "mypy")],
    "layers": [str(BIN / "lint-imports"), "--no-cache"],
    "unit tests": [sys.executable, "-m", "pytest", "-q", "-m", "not site and not build"],
    "the book, strictly": [sys.executable, "-m", "bookkeeping", "build", "--strict"],
    "the site in a browser": [sys.executable, "-m", "pytest", "-q", "-m", "site", "tests/site"],
    "planted faults": [sys.executable, "-m", "pytest", "-q", "-m", "build", "tests/build"],
}


def find_browser() -> str | None:
    """Return the browser to drive: $CHROMIUM, or the first that is installed."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def ensure_browser() -> bool:
    """Install Chromium where that needs no question (Debian, as root); else say how."""
    if find_browser():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("browser: installing Chromium")
        subprocess.run(["apt-get", "update", "-q"], check=False, stdout=subprocess.DEVNULL)
        packages = ["chromium", "fonts-dejavu-core"]
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL)
    if find_browser():
        return True
    print("No browser found: install Chromium, or set CHROMIUM=/path/to/chromium.")
    return False


def run(name: str, command: list[str]) -> tuple[str, bool, float]:
    """Run one part and say how it ended."""
    print(f"\n=== {name}", flush=True)
    started = time.perf_counter()
    passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    seconds = time.perf_counter() - started
    print(f"=== {name}: {'passed' if passed else 'FAILED'} in {seconds:.0f} s", flush=True)
    return name, passed, seconds


def main() -> int:
    """Run every part, print the summary, return the exit status."""
    if not ensure_browser():
        return 1
    outcomes = [run(name, command) for name, command in PARTS.items()]
    print("\nsummary")
    for name, passed, seconds in outcomes:
        print(f"  {'passed' if passed else 'FAILED'}  {seconds:6.0f} s  {name}")
    print(f"  {sum(seconds for *_, seconds in outcomes):14.0f} s  in all")
    failed = sum(not passed for _, passed, _ in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
