"""Pages of the documentation with a section for each part of a benchmark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def save(page: Path, names: Iterable[str], results: dict[str, str]) -> None:
    """Replace the sections of some parts in a page."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    found = re.split(r"^\*\*(\w+)\.\*\* ", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(found[::2], found[1::2], strict=True)) | results
    parts = [f"**{name}.** {sections[name].strip()}\n" for name in names if name in sections]
    page.write_text("\n".join(parts), encoding="utf-8")


def section(caption: str, *tables: pd.DataFrame) -> str:
    """Return the section of a part: a caption and tables."""
    return "\n\n".join([caption, *map(markdown, tables)])


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    header = "| " + " | ".join(table.columns) + " |"
    rule = "|" + "---|" * len(table.columns)
    rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in table.to_numpy()]
    return "\n".join([header, rule, *rows])


def _cell(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
