"""Tables of results for a terminal and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells as text; every row has a cell for each column.

    Examples
    --------
    >>> table = Table(("lung", "Dice"), (("right", "0.98"), ("left", "0.97")))
    >>> print(table.as_text())
    lung   Dice
    -----  ----
    right  0.98
    left   0.97
    >>> print(table.as_markdown())
    | lung | Dice |
    |---|---|
    | right | 0.98 |
    | left | 0.97 |
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_text(self) -> str:
        """Columns aligned for a terminal."""
        widths = [
            max(len(cell) for cell in column)
            for column in zip(self.header, *self.rows, strict=True)
        ]
        rule = tuple("-" * width for width in widths)
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.header, rule, *self.rows)
        )

    def as_markdown(self) -> str:
        """A table of GitHub's Markdown."""
        rows = [("", *row, "") for row in (self.header, *self.rows)]
        lines = [" | ".join(row).strip() for row in rows]
        return "\n".join([lines[0], "|" + "---|" * len(self.header), *lines[1:]])
