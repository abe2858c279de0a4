"""The programs under test and the environment they get."""

import os
import pathlib
import shutil


def bin_dir():
    """The directory with the built programs, from FLASHPODS_BIN_DIR (./dev test sets it)."""
    directory = os.environ.get("FLASHPODS_BIN_DIR")
    if not directory:
        raise RuntimeError("FLASHPODS_BIN_DIR is not set: run ./dev test, or point it at the programs")
    return pathlib.Path(directory)


def program(name):
    """The path of one built program, or of the same name on PATH where it isn't built."""
    built = bin_dir() / name
    if built.exists():
        return str(built)
    raise FileNotFoundError(f"{built}: not built (did its compilation fail?)")


def have(name):
    return (bin_dir() / name).exists() or shutil.which(name) is not None


def clean_environment(**extra):
    """Our environment without anything that would point a client at another daemon."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLASHPODS_") and name != "RSYNC_PASSWORD"
    }
    return kept | extra


def sanitizer_environment(directory):
    """Makes sanitizers write their reports to directory/sanitizer.PID, also from grandchildren."""
    report = f"log_path={directory}/sanitizer"
    return {
        name: f"{os.environ[name]}:{report}" if os.environ.get(name) else report
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
    }
