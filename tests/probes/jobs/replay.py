#!/usr/bin/env python3
"""Plays the tools of a computing element from a recorded dialogue: installed under the name of each tool.

Beside it lie `dialogue.json` (a list of exchanges: tool, words as patterns, stdout, stderr, status, files to write) and
`position`, how far it went. Whoever asks something else than was recorded is told so, and the dialogue is over.
"""

import json
import re
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    position = HERE / "position"
    number = int(position.read_text())
    exchanges = json.loads((HERE / "dialogue.json").read_text())
    said = [Path(sys.argv[0]).name, *sys.argv[1:]]
    if number >= len(exchanges):
        sys.exit(f"the dialogue is over; asked: {said}")
    wanted = exchanges[number]
    if len(said) != len(wanted["asked"]) or not all(map(re.fullmatch, wanted["asked"], said)):
        sys.exit(f"recorded was {wanted['asked']}; asked: {said}")
    position.write_text(str(number + 1))
    time.sleep(wanted.get("takes_s", 0))
    submitted = HERE / "submitted"
    for word in said:  # the description of a job names its payload, and the payload its token
        if word.endswith((".sub", ".jdl")):
            submitted.write_text(Path(word).read_text())
    for name, content in wanted.get("files", {}).items():
        _write(name, content, submitted.read_text(), said)
    sys.stdout.write(wanted.get("stdout", ""))
    sys.stderr.write(wanted.get("stderr", ""))
    sys.exit(wanted.get("status", 0))


def _write(name, content, description, said):
    """A file that the tool leaves in the work folder, with the token of the payload that was handed in."""
    script = Path(re.search(r"[^\s\"{]+/gridkeeper\.sh", description)[0])
    token = re.search(r"^gk_token=(\w+)$", script.read_text(), re.MULTILINE)[1]
    path = script.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content.replace("TOKEN", token))


if __name__ == "__main__":
    main()
