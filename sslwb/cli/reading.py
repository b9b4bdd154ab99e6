"""How long a lesson takes to read, and what stands in it: exercises by rung, claims."""

import re

from nbformat import NotebookNode


def minutes_to_read(lesson: NotebookNode) -> float:
    """150 words a minute and 6 s a line of code; quizzes and the teachers' part are left out."""
    words = lines = 0
    for cell in lesson.cells:
        if cell.cell_type == "code":
            lines += 0 if re.match(r"(widgets\.)?quiz\(", cell.source) else len(re.findall(r"^.*\S", cell.source, re.M))
            continue
        text = re.sub(r"<details><summary>For teachers.*?</details>", "", cell.source, flags=re.S)
        text = re.sub(r"\]\([^)]*\)", "]", text)
        program = re.compile(r"^```[\s\S]*?^```|^    .*$", re.M)
        lines += sum(len(re.findall(r"^(?!```).*\S", block, re.M)) for block in program.findall(text))
        words += len(re.findall(r"[\w’'-]+", program.sub("", text)))
    return words / 150 + lines * 0.1


def exercises(lesson: NotebookNode) -> dict[str, int]:
    """How many of each rung: a blank to fill, a function to write (with a check), something to explain or design."""
    count, blank = {"fill": 0, "write": 0, "explain": 0}, False
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            blank = "**Fill the blank" in cell.source  # the cell behind it may have a check for it
            count["fill"] += blank
            count["explain"] += len(re.findall(r"^#+ (?:[\d.]+ )?Explain", cell.source, re.M))
        else:
            asked = len(re.findall(r"^check\.\w+\(", cell.source, re.M)) or cell.source.startswith("def my_")
            count["write"] += max(0, asked - blank)
            blank = False
    return count


def claims(lesson: NotebookNode) -> dict[str, int]:
    """How many ticks the executed lesson shows: of its own run, and of stored rows."""
    shown = [
        line
        for cell in lesson.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for line in str(output.get("text", output.get("data", {}).get("text/plain", ""))).splitlines()
        if line.startswith("✓")
    ]
    stored = sum(line.startswith("✓ stored") for line in shown)
    return {"live": len(shown) - stored, "stored": stored}
