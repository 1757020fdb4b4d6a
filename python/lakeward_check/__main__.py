"""Entry point of the scenario."""

import argparse
import sys

from .report import Report
from .scenario import play
from .settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="lakeward_check")
    parser.add_argument("--env", required=True, metavar="FILE.json", help="the instance under test")
    report = Report()
    play(Settings.load(parser.parse_args().env), report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
