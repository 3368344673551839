#!/usr/bin/env python3
"""Runs test programs and end-to-end tests and adds up their results.

usage: scripts/run_tests.py --build DIR [--e2e FOLDER ... --python PYTHON]

Every program that DIR/test-binaries.txt names is run with GoogleTest's JSON report; with --e2e
pytest runs over each FOLDER. Reports and output go to DIR/test-results. Skipped and disabled tests
count as failed; a program that crashes, hangs or holds no test counts as at least one failure. The
last line is 'N passed, N failed'; the exit status is 1 when any failed.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

E2E_TIMEOUT_S = 1800
TAIL_LINES = 60


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed


def run(command, log, timeout):
    """Returns (exit status or None after a time-out, output); the output is kept in `log`."""
    with log.open("w+", encoding="utf-8", errors="replace") as output:
        try:
            status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, timeout=timeout, check=False).returncode
        except subprocess.TimeoutExpired:
            status = None
    return status, log.read_text(encoding="utf-8", errors="replace")


def describe(status):
    if status is None:
        return "ran too long and was killed"
    return f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"


def read_gtest_report(report):
    """(number passed, [names failed]) of GoogleTest's JSON report."""
    passed, failed = 0, []
    for suite in json.loads(report.read_text()).get("testsuites", []):
        for test in suite.get("testsuite", []):
            name = f"{suite['name']}.{test['name']}"
            if test.get("failures"):
                failed.append(name)
            elif test.get("result") == "COMPLETED":
                passed += 1
            else:
                failed.append(f"{name} (skipped or disabled)")
    return passed, failed


def read_gtest_output(text):
    """The same from the output of a program that died before it wrote its report."""
    done = set(re.findall(r"^\[       OK \] (\S+)", text, re.MULTILINE))
    failed = re.findall(r"^\[  FAILED  \] (\S+?),? \(\d+ ms\)", text, re.MULTILINE)
    started = re.findall(r"^\[ RUN      \] (\S+)", text, re.MULTILINE)
    return len(done), failed + [f"{name} (did not end)" for name in started
                                if name not in done and name not in failed]


def run_unit(binary, results, timeout, tally):
    name = binary.name
    report, log = results / f"{name}.json", results / f"{name}.log"
    report.unlink(missing_ok=True)
    if not binary.exists():
        tally.add(0, [f"{name} (not built)"])
        return "not built"
    status, text = run([str(binary), f"--gtest_output=json:{report}"], log, timeout)
    try:
        passed, failed = read_gtest_report(report)
    except (OSError, ValueError):
        passed, failed = read_gtest_output(text)
        failed = failed or [f"({describe(status)} outside of any test)"]
    if status != 0 and not failed:
        failed = [f"(all tests passed, but it {describe(status)})"]
    if passed + len(failed) == 0:
        failed = ["(holds no test)"]
    tally.add(passed, [f"{name}: {test}" for test in failed])
    if failed:
        print("\n".join(text.splitlines()[-TAIL_LINES:]))
        print(f"(all of it: {log})")
    return f"{passed} passed, {len(failed)} failed"


def read_junit(report):
    passed, failed = 0, []
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        if bad:
            failed.append(f"{name} ({bad[0]})")
        else:
            passed += 1
    return passed, failed


def run_e2e(folder, python, results, tally):
    name = folder.name
    report, log = results / f"{name}.xml", results / f"{name}.log"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", str(folder), "-q", "-ra", "--durations=5",
               "-p", "no:cacheprovider", f"--junit-xml={report}"]
    status, text = run(command, log, E2E_TIMEOUT_S)
    try:
        passed, failed = read_junit(report)
    except (OSError, xml.etree.ElementTree.ParseError):
        passed, failed = 0, [f"(pytest {describe(status)} without a report)"]
    if status != 0 and not failed:
        failed = [f"(pytest {describe(status)})"]
    tally.add(passed, [f"{name}: {test}" for test in failed])
    if failed:
        print("\n".join(text.splitlines()[-4 * TAIL_LINES:]))
        print(f"(all of it: {log})")
    return f"{passed} passed, {len(failed)} failed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--e2e", type=pathlib.Path, nargs="+", default=[])
    parser.add_argument("--python")
    parser.add_argument("--unit-timeout", type=int, default=600, help="seconds for one binary")
    arguments = parser.parse_args()
    results = arguments.build.resolve() / "test-results"
    results.mkdir(parents=True, exist_ok=True)

    tally = Tally()
    for line in (arguments.build / "test-binaries.txt").read_text().splitlines():
        binary, start = pathlib.Path(line), time.monotonic()
        summary = run_unit(binary, results, arguments.unit_timeout, tally)
        print(f"{binary.name}: {summary} ({time.monotonic() - start:.1f} s)", flush=True)
    for folder in arguments.e2e:
        start = time.monotonic()
        summary = run_e2e(folder, arguments.python or sys.executable, results, tally)
        print(f"{folder}: {summary} ({time.monotonic() - start:.1f} s)", flush=True)

    if tally.failed:
        print("\nfailed:")
        print("\n".join(f"  {name}" for name in tally.failed))
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
