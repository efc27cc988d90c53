"""What the columns of a table are, as users say it."""

from __future__ import annotations

from typing import Any

from skae._utils.checks import check_choice, is_integer, is_number
from skae._utils.parameter_names import ParameterNamesMixin

UNKNOWN = ("surprise", "error", "missing", "infrequent")
ROLES = ("categorical", "ordinal", "boolean", "count", "numeric")


class Columns(ParameterNamesMixin):
    """What the columns of a table are.

    Columns that no parameter names are what their dtype says: floats and integers are numbers,
    booleans are booleans, text and unordered categories are categories, ordered categories are
    ordinal. Integers are never categories by a guess.

    Each of the first five parameters is a name, a position, a list of them, a mask, or a function
    of the frame that returns one of these, such as scikit-learn's ``make_column_selector``.

    Parameters
    ----------
    categorical : column names, default=None
        Columns of categories. The network predicts a probability for each level.

    ordinal : column names or dict, default=None
        Columns of ordered categories. A dictionary gives the levels of each column in order;
        otherwise the order is that of the dtype, or of the numbers.

    boolean : column names, default=None
        Columns of booleans, also as 0 and 1.

    count : column names, default=None
        Columns of counts. The network predicts a Poisson distribution.

    numeric : column names, default=None
        Columns of numbers, also booleans and text of digits.

    max_categories : int or None, default=None
        Largest number of levels of a categorical column. The rarest are one level together, as
        in :class:`~sklearn.preprocessing.OneHotEncoder`.

    min_frequency : int, float or None, default=None
        Levels that are rarer, in rows or as a fraction of the rows, are one level together.

    unknown : {"surprise", "error", "missing", "infrequent"}, default="surprise"
        What a level is that ``fit`` did not see: none of the known ones, which a detector finds
        as surprising as it is rare; an error; a missing value; or one of the infrequent levels, if
        there are some.

    Examples
    --------
    >>> import pandas as pd
    >>> from skae import AutoencoderTransformer
    >>> from skae.columns import Columns
    >>> X = pd.DataFrame({"job": ["clerk", "nurse"] * 50, "visits": range(100)})
    >>> columns = Columns(count="visits")
    >>> ae = AutoencoderTransformer(1, columns=columns, max_epochs=2, random_state=0).fit(X)
    >>> [column.role for column in ae.columns_.columns]
    ['categorical', 'count']
    """

    def __init__(
        self,
        categorical: Any = None,
        ordinal: Any = None,
        boolean: Any = None,
        count: Any = None,
        numeric: Any = None,
        max_categories: int | None = None,
        min_frequency: int | float | None = None,
        unknown: str = "surprise",
    ):
        self.categorical = categorical
        self.ordinal = ordinal
        self.boolean = boolean
        self.count = count
        self.numeric = numeric
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.unknown = unknown

    @property
    def names_roles(self) -> bool:
        """Whether some role is given by name."""
        return any(getattr(self, role) is not None for role in ROLES)

    def check(self) -> None:
        """Refuse parameters out of range.

        Raises
        ------
        ValueError
            In a sentence that names the parameter.
        """
        check_choice(self.unknown, "unknown of Columns", UNKNOWN)
        most, least = self.max_categories, self.min_frequency
        if most is not None and not (is_integer(most) and most >= 1):
            raise ValueError(
                f"max_categories of Columns must be an integer from 1, or None, got {most!r}."
            )
        rows = is_integer(least) and least >= 1
        fraction = is_number(least) and not is_integer(least) and 0 < least < 1
        if least is not None and not (rows or fraction):
            raise ValueError(
                f"min_frequency of Columns must be a number of rows from 1, a fraction between 0 "
                f"and 1, or None, got {least!r}."
            )
