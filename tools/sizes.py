"""Prints the sizes of functions and files, and fails where one is far past what a reader can hold.

Aims: median function <= 8 lines, 95th percentile <= 35, files mostly under 300 lines. A function past 50 lines or a
file past 400 is listed for a second look; past 80 and 600 it fails.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

LOOK_FUNCTION, LOOK_FILE = 50, 400
FAIL_FUNCTION, FAIL_FILE = 80, 600


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and line count, without the docstring, of each function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            first = node.body[0]
            has_doc = ast.get_docstring(node) is not None and first.end_lineno is not None
            docstring = first.end_lineno - first.lineno + 1 if has_doc and first.end_lineno else 0
            yield f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1 - docstring


def main(root: str) -> int:
    files = [path for path in sorted(Path(root).rglob("*.py")) if "migrations" not in path.parts]
    file_sizes = {str(path): len(path.read_text().splitlines()) for path in files}
    sizes = dict(item for path in files for item in functions(path))
    counts = sorted(sizes.values())
    tail = counts[int(len(counts) * 0.95)]
    print(f"{len(files)} files, {sum(file_sizes.values())} lines, {len(counts)} functions")
    print(f"functions: median {statistics.median(counts):.0f} lines, 95th percentile {tail}, longest {counts[-1]}")
    is_failed = False
    for found, look, fail in ((sizes, LOOK_FUNCTION, FAIL_FUNCTION), (file_sizes, LOOK_FILE, FAIL_FILE)):
        for name, size in sorted(found.items(), key=lambda item: -item[1]):
            if size > look:
                is_failed |= size > fail
                print(f"  {size:4} lines  {name}{'  TOO LONG' if size > fail else ''}")
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
