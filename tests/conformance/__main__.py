"""``python -m tests.conformance``: check what the service relies on, at the emulator or the real Threads.

    make conformance                              against the emulator
    THREADS_TEST_TOKEN=… make conformance REAL=1  against the real Threads

The token is a long-lived one of a test account, with threads_basic, threads_content_publish,
threads_manage_replies, threads_read_replies and threads_delete. Six posts are published and deleted again.
More variables allow more checks:

    THREADS_TEST_NARROW_TOKEN   a token of the same account with threads_basic alone
    THREADS_TEST_APP_TOKEN      the app's own token: TH|<app id>|<app secret>
    THREADS_TEST_IMAGE          the public address of an image
    THREADS_TEST_REFRESHED      a file for the new token: the given one is refreshed, and may be dead then

The exit status is 1 if something differs from what is assumed, or if a post could not be deleted.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conformance.emulated import emulated
from tests.conformance.report import conform, report
from tests.conformance.target import Target

THREADS = "https://graph.threads.net"


def main(arguments: list[str] | None = None) -> int:
    """Run the checks, print the report, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--real", action="store_true", help="publish and delete with THREADS_TEST_TOKEN")
    parser.add_argument("--url", default=THREADS, help="where the real Threads is")
    given = parser.parse_args(arguments)
    if not given.real:
        with emulated() as target:
            return _run(target)
    if not os.environ.get("THREADS_TEST_TOKEN"):
        parser.error("--real needs the token of a test account in THREADS_TEST_TOKEN")
    return _run(real(given.url, os.environ))


def real(url: str, environment: Mapping[str, str]) -> Target:
    """Return the account that the environment describes."""
    refreshed = environment.get("THREADS_TEST_REFRESHED")
    return Target(
        url,
        environment["THREADS_TEST_TOKEN"],
        narrow_token=environment.get("THREADS_TEST_NARROW_TOKEN", ""),
        app_token=environment.get("THREADS_TEST_APP_TOKEN", ""),
        image_url=environment.get("THREADS_TEST_IMAGE", ""),
        save_refreshed=(lambda token: _keep(Path(refreshed), token)) if refreshed else None,
    )


def _keep(file: Path, token: str) -> None:
    file.touch(mode=0o600)
    file.write_text(token, encoding="utf-8")


def _run(target: Target) -> int:
    findings = conform(target)
    sys.stdout.writelines(f"{line}\n" for line in report(findings, target))
    return 1 if target.out or any(finding.differs for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
