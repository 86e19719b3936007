"""What the browser loads: the page, as ES modules by subject. Python is nowhere but here."""

from pathlib import Path

FOLDER = Path(__file__).parent
TEMPLATE = "login.html"  # filled in by web/login.py
FILES = frozenset(  # nothing else is served
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.suffix in (".css", ".html", ".js", ".svg") and path.name != TEMPLATE
)
