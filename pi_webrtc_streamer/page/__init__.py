"""What the browser loads: the page, as ES modules by subject. Python is nowhere but here."""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = frozenset(  # nothing else is served
    path.name for path in FOLDER.iterdir() if path.suffix in (".css", ".html", ".js", ".svg")
)
