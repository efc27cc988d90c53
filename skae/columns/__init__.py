"""The columns of a table, one file for each sort: from values to numbers, and back.

``COLUMNS`` holds the sorts by name. ``columns="from_dtype"`` means ``columns=Columns()``.
"""

from skae.columns.boolean import Boolean
from skae.columns.categorical import Categorical
from skae.columns.column import Column, Factor, LevelColumn
from skae.columns.columns import Columns
from skae.columns.count import Count
from skae.columns.number import Number
from skae.columns.ordinal import Ordinal
from skae.columns.table_columns import COLUMNS, TableColumns

COLUMN_RULES: dict[str, type[Columns]] = {"from_dtype": Columns}

__all__ = [
    "COLUMNS",
    "COLUMN_RULES",
    "Boolean",
    "Categorical",
    "Column",
    "Columns",
    "Count",
    "Factor",
    "LevelColumn",
    "Number",
    "Ordinal",
    "TableColumns",
]
