"""Looks for known faults in what we install and deploy: ``python -m tests.audit``.

Where the advisories cannot be asked, that is said, and nothing is claimed.
"""

import json
import os
import subprocess
import sys

from tests.spa.commands import BASE_DIR, PRODUCTION

ADVISORIES = ["pip_audit", "--local", "--progress-spinner=off", "--format=json"]


def packages() -> int:
    """Ask for advisories about each package that is installed; 1 where there is one."""
    command = [sys.executable, "-m", *ADVISORIES]
    asked = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=False)
    try:
        found = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        print(f"The advisories could not be asked, so no package was looked at:\n{asked.stderr}")
        return 0
    hurt = [one for one in found if one.get("vulns")]
    for one in hurt:
        names = ", ".join(advisory["id"] for advisory in one["vulns"])
        print(f"{one['name']} {one['version']}: {names}")
    known = len(found) - sum("skip_reason" in one for one in found)
    print(f"The advisories know {known} of {len(found)} packages, and {len(hurt)} have faults.")
    return int(bool(hurt))


def deployment() -> int:
    """Let Django look through the settings of production; 1 where it warns."""
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
    environment = {**os.environ, **PRODUCTION}
    return subprocess.run(command, cwd=BASE_DIR, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(packages() or deployment())
