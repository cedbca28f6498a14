"""Re-create every file under static/vendor/ from its pinned npm package.

Run `python static/vendor/update.py` to rebuild; it stops where a package does not match
vendor.lock.json. Run it with `--lock` after changing a version to accept the new packages.
Needs npm, and nothing else; the registry is the one npm is configured with.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).resolve().parent
LOCK = VENDOR / "vendor.lock.json"
SASS = "sass@1.108.2"
SOURCE_MAP = re.compile(rb"\n?(//[#@]|/\*#) sourceMappingURL=[^\n]*")


class Package(NamedTuple):
    """One npm package at one version, and what is copied out of it (source to target)."""

    name: str
    version: str
    copies: dict[str, str]


PACKAGES = [
    Package(
        "htmx.org",
        "2.0.11",
        {"dist/htmx.min.js": "htmx/htmx.min.js", "LICENSE": "htmx/LICENSE"},
    ),
    Package(
        "@fontsource-variable/brygada-1918",
        "5.3.0",
        {
            "files/brygada-1918-latin-wght-normal.woff2": "fonts/brygada-latin.woff2",
            "files/brygada-1918-latin-ext-wght-normal.woff2": "fonts/brygada-latin-ext.woff2",
            "LICENSE": "fonts/LICENSE-brygada-1918",
        },
    ),
    Package(
        "@fontsource-variable/source-sans-3",
        "5.3.0",
        {
            "files/source-sans-3-latin-wght-normal.woff2": "fonts/source-sans-latin.woff2",
            "files/source-sans-3-latin-ext-wght-normal.woff2": "fonts/source-sans-latin-ext.woff2",
            "LICENSE": "fonts/LICENSE-source-sans-3",
        },
    ),
    Package("bootstrap", "5.3.9", {"LICENSE": "bootstrap/LICENSE"}),
    # Its package names the licence but does not carry it: the LICENSE beside it is the repository's.
    Package(
        "@event-calendar/build",
        "5.10.1",
        {
            "dist/event-calendar.min.js": "event-calendar/event-calendar.min.js",
            "dist/event-calendar.min.css": "event-calendar/event-calendar.min.css",
        },
    ),
    Package(
        "chart.js",
        "4.6.1",
        {"dist/chart.umd.min.js": "chartjs/chart.umd.min.js", "LICENSE.md": "chartjs/LICENSE"},
    ),
]


def main() -> None:
    """Rebuild the vendored files; stop where a package is not the locked one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="accept the packages as they are")
    accept = parser.parse_args().lock
    locked = {} if accept else read_locked_integrities()
    with tempfile.TemporaryDirectory() as scratch:
        entries = [vendor(package, Path(scratch), locked) for package in PACKAGES]
    LOCK.write_text(json.dumps({"tools": [SASS], "packages": entries}, indent=2) + "\n")


def read_locked_integrities() -> dict[str, str]:
    """Return the locked integrity of every package, by name@version."""
    packages = json.loads(LOCK.read_text())["packages"]
    return {f"{entry['name']}@{entry['version']}": entry["integrity"] for entry in packages}


def vendor(package: Package, scratch: Path, locked: dict[str, str]) -> dict[str, object]:
    """Copy one package's files and return its lock entry; SystemExit where it was altered."""
    spec = f"{package.name}@{package.version}"
    archive = fetch(spec, scratch)
    integrity = integrity_of(archive)
    if locked and locked.get(spec) != integrity:
        raise SystemExit(f"{spec} is not the locked package. Nothing was copied from it.")
    unpacked = unpack(archive, scratch / package.name.replace("/", "-"))
    written = [
        copy(unpacked / source, VENDOR / target) for source, target in package.copies.items()
    ]
    if package.name == "bootstrap":
        written.append(compile_bootstrap(unpacked))
    files = {str(path.relative_to(VENDOR)): integrity_of(path) for path in written}
    return {
        "name": package.name,
        "version": package.version,
        "integrity": integrity,
        "files": files,
    }


def fetch(spec: str, scratch: Path) -> Path:
    """Download one package with `npm pack` and return its archive."""
    command = ["npm", "pack", "--json", "--pack-destination", str(scratch), spec]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=scratch)
    packed = json.loads(answer.stdout)
    first = packed[0] if isinstance(packed, list) else next(iter(packed.values()))
    return scratch / first["filename"]


def integrity_of(path: Path) -> str:
    """Return the file's checksum in the form of a subresource integrity, `sha512-…`."""
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def unpack(archive: Path, target: Path) -> Path:
    """Unpack an npm archive and return its package folder."""
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target / "package"


def copy(source: Path, target: Path) -> Path:
    """Copy one file, without the source map comment that the manifest storage cannot resolve."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix in {".js", ".css"}:
        target.write_bytes(SOURCE_MAP.sub(b"", source.read_bytes()))
    else:
        shutil.copyfile(source, target)
    return target


def compile_bootstrap(unpacked: Path) -> Path:
    """Compile the used part of Bootstrap and return the style sheet."""
    target = VENDOR / "bootstrap" / "bootstrap-spa.css"
    command = ["npm", "exec", "--yes", f"--package={SASS}", "--", "sass", "--style=compressed"]
    command += ["--no-source-map", "--no-charset", "--quiet", f"--load-path={unpacked}"]
    command += [str(VENDOR / "bootstrap" / "bootstrap-spa.scss"), str(target)]
    subprocess.run(command, check=True)
    return target


if __name__ == "__main__":
    main()
