"""The form in which rebuilt tables are returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skae._tables.table_frames import probability_frame, table_frame
from skae._utils.checks import check_boolean
from skae.columns import TableColumns


@dataclass(frozen=True)
class TableForm:
    """The form of a rebuilt table whose columns are not all numbers.

    Parameters
    ----------
    probabilities : bool, default=False
        Whether to give the probability of each level, instead of the most probable level.

    clip : bool, default=False
        Whether numbers are clipped to the range of the training rows.
    """

    probabilities: bool = False
    clip: bool = False

    def __post_init__(self) -> None:
        check_boolean(self.probabilities, "probabilities")
        check_boolean(self.clip, "clip")

    def table(self, columns: TableColumns, rows: np.ndarray, index: Any) -> Any:
        """Return encoded rows as a frame with the columns of `fit`, or as their probabilities."""
        if self.probabilities:
            return probability_frame(columns, rows, index)
        return table_frame(columns, columns.decode(rows), index=index, clip=self.clip)

    def check_numbers(self, name: str) -> None:
        """Refuse what concerns tables, for an estimator that was fitted on numbers."""
        if self.probabilities or self.clip:
            option = "probabilities" if self.probabilities else "clip"
            raise ValueError(
                f"{option}=True is for tables with columns that are no numbers, but this {name} "
                f"was fitted on numbers alone."
            )


AS_VALUES = TableForm()
