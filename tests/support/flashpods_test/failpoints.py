"""Places at which a daemon or a shim kills itself (src/base/failpoint.h)."""

import subprocess

from .programs import clean_environment, program


def names():
    """All there are; none in a build without them."""
    listed = subprocess.run(
        [program("flashpodsd"), "--list-failpoints"],
        capture_output=True, text=True, env=clean_environment(),
    )
    return listed.stdout.split() if listed.returncode == 0 else []


def wish(name, mark, action="kill"):
    """The environment of a daemon that is to act there, or whose shims are: the first one does."""
    return {"FLASHPODS_FAILPOINT": f"{name}={action}", "FLASHPODS_FAILPOINT_MARK": str(mark)}
