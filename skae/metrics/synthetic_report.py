"""How well synthetic rows of a table stand for real ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Numbers are compared in intervals that hold equal parts of the real rows.
_N_INTERVALS = 20
# Largest number of rows of each table for distances.
_ROWS_OF_DISTANCES = 5000


@dataclass(frozen=True)
class SyntheticReport:
    """How well synthetic rows of a table stand for real ones.

    Parameters
    ----------
    marginals : pandas.Series
        Total variation distance between the real and the synthetic values of each column, from 0 to
        1. Numbers are compared in 20 intervals that hold equal parts of the real rows.

    associations : pandas.DataFrame of shape (n_columns, n_columns)
        Synthetic minus real association of each pair of columns: the absolute correlation of two
        numbers, the correlation ratio of a number and a category, Cramér's V of two categories.

    transfer : float or None
        F1 score on real rows of a logistic regression that was trained on synthetic ones; the
        macro-average with more than two classes. None without `target`.

    transfer_of_real : float or None
        The same, trained on other real rows.

    distance_ratio : float
        Median distance of a synthetic row to the nearest real one, relative to that of a real row
        to the nearest other one. Far below 1, the rows are copies.

    copies : float
        Fraction of the synthetic rows that equal a real one.
    """

    marginals: pd.Series
    associations: pd.DataFrame
    transfer: float | None
    transfer_of_real: float | None
    distance_ratio: float
    copies: float

    def __str__(self) -> str:
        """Return the report in a few lines."""
        apart = np.abs(self.associations.to_numpy()[np.triu_indices(len(self.associations), 1)])
        lines = [
            f"marginals      {self.marginals.mean():.3f} mean total variation, at most "
            f"{self.marginals.max():.3f} ({self.marginals.idxmax()})",
            f"associations   {apart.mean() if len(apart) else 0.0:.3f} mean difference",
            f"distances      {self.distance_ratio:.2f} times those of real rows, "
            f"{self.copies:.1%} copies",
        ]
        if self.transfer is not None:
            lines.append(
                f"transfer       F1 {self.transfer:.3f}, trained on real rows "
                f"{self.transfer_of_real:.3f}"
            )
        return "\n".join(lines)


def synthetic_report(real: Any, synthetic: Any, *, target: Any = None) -> SyntheticReport:
    """Compare synthetic rows of a table with real ones.

    Parameters
    ----------
    real : data frame of shape (n_real, n_columns)
        Rows that the model was not trained on. With the training rows, the distances also show
        copies of them.

    synthetic : data frame of shape (n_synthetic, n_columns)
        Rows of the same columns, for example of ``AutoencoderTransformer.sample``.

    target : column name, default=None
        A column of classes. A logistic regression learns it from the synthetic rows, and predicts
        it for the second half of the real ones.

    Returns
    -------
    report : SyntheticReport

    Raises
    ------
    ValueError
        If the tables have other columns, or too few rows.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skae.metrics import synthetic_report
    >>> rng = np.random.default_rng(0)
    >>> def table(n):
    ...     x = rng.normal(size=n)
    ...     return pd.DataFrame({"x": x, "sign": np.where(x + rng.normal(size=n) > 0, "+", "-")})
    >>> report = synthetic_report(table(500), table(500), target="sign")
    >>> bool(report.marginals.max() < 0.15), round(report.distance_ratio)
    (True, 1)
    """
    real, synthetic = _as_pandas(real, "real"), _as_pandas(synthetic, "synthetic")
    if list(real.columns) != list(synthetic.columns):
        raise ValueError(
            f"real and synthetic must have the same columns in the same order, got "
            f"{list(real.columns)[:9]} and {list(synthetic.columns)[:9]}."
        )
    if target is not None and target not in real.columns:
        raise ValueError(f"target must be one of the columns {list(real.columns)}, got {target!r}.")
    if min(len(real), len(synthetic)) < 2:
        raise ValueError(
            f"real and synthetic must have two rows or more, got {len(real)} and {len(synthetic)}."
        )
    ratio, copies = _distances(real, synthetic)
    half = len(real) // 2
    trained, tested = real.iloc[:half], real.iloc[half:]
    return SyntheticReport(
        marginals=pd.Series({c: _total_variation(real[c], synthetic[c]) for c in real}),
        associations=_associations(synthetic) - _associations(real),
        transfer=None if target is None else _transfer(synthetic, tested, target),
        transfer_of_real=None if target is None else _transfer(trained, tested, target),
        distance_ratio=ratio,
        copies=copies,
    )


def _as_pandas(X: Any, name: str) -> pd.DataFrame:
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise ValueError(f"{name} must be a data frame, got {type(X).__name__}.")
    return frame.to_pandas().reset_index(drop=True)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _total_variation(real: pd.Series, synthetic: pd.Series) -> float:
    if _is_number(real):
        both = [c.astype(float).to_numpy() for c in (real, synthetic)]
        inner = np.unique(np.nanquantile(both[0], np.linspace(0, 1, _N_INTERVALS + 1)[1:-1]))
        places = [np.where(np.isnan(c), -1, np.searchsorted(inner, c, "right")) for c in both]
        real, synthetic = (pd.Series(place) for place in places)
    frequencies = [
        c.astype(object).value_counts(normalize=True, dropna=False) for c in (real, synthetic)
    ]
    joined = pd.concat(frequencies, axis=1).fillna(0.0).to_numpy()
    return float(np.abs(joined[:, 0] - joined[:, 1]).sum() / 2)


def _associations(table: pd.DataFrame) -> pd.DataFrame:
    found = pd.DataFrame(np.eye(table.shape[1]), index=table.columns, columns=table.columns)
    for a, b in combinations(table.columns, 2):
        known = table[[a, b]].dropna()
        found.loc[a, b] = found.loc[b, a] = _association(known[a], known[b])
    return found


def _association(a: pd.Series, b: pd.Series) -> float:
    """Return the association of two columns, from 0 to 1."""
    if len(a) < 2 or a.nunique() < 2 or b.nunique() < 2:
        return 0.0
    if _is_number(a) and _is_number(b):
        return abs(float(np.corrcoef(a.astype(float), b.astype(float))[0, 1]))
    if _is_number(a) or _is_number(b):
        number, levels = (a, b) if _is_number(a) else (b, a)
        number = number.astype(float)
        means = number.groupby(levels.astype(str)).transform("mean")
        return float(np.sqrt(means.var(ddof=0) / number.var(ddof=0)))
    counts = pd.crosstab(a.astype(str), b.astype(str)).to_numpy().astype(float)
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    chi_square = (np.square(counts - expected) / expected).sum()
    return float(np.sqrt(chi_square / (counts.sum() * (min(counts.shape) - 1))))


def _encoder(table: pd.DataFrame) -> Any:
    numbers = [c for c in table if _is_number(table[c])]
    others = [c for c in table if c not in numbers]
    return make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), others),
    )


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return numbers as floats with means for missing ones, and all else as text."""
    columns = {}
    for name in table:
        column = table[name]
        number = column.astype(float) if _is_number(column) else None
        columns[name] = column.astype(str) if number is None else number.fillna(number.mean())
    return pd.DataFrame(columns)


def _transfer(training: pd.DataFrame, tested: pd.DataFrame, target: Any) -> float:
    """Return the F1 score of a logistic regression on real rows."""
    labels, true = training[target].astype(str), tested[target].astype(str)
    if labels.nunique() < 2:
        return 0.0
    X, Z = (_plain(table.drop(columns=target)) for table in (training, tested))
    model = make_pipeline(_encoder(X), LogisticRegression(max_iter=1000)).fit(X, labels)
    predicted = model.predict(Z)
    if true.nunique() == 2:
        rarer = true.value_counts().idxmin()
        return float(f1_score(true, predicted, pos_label=rarer, average="binary", zero_division=0))
    return float(f1_score(true, predicted, average="macro", zero_division=0))


def _distances(real: pd.DataFrame, synthetic: pd.DataFrame) -> tuple[float, float]:
    """Return the ratio of distances to the nearest real row, and the fraction of copies."""
    some = [_plain(table.iloc[:_ROWS_OF_DISTANCES]) for table in (real, synthetic)]
    encoder = _encoder(some[0]).fit(some[0])
    rows, drawn = (np.asarray(encoder.transform(table)) for table in some)
    index = NearestNeighbors(n_neighbors=1).fit(rows)
    of_real = index.kneighbors()[0][:, 0]
    of_synthetic = index.kneighbors(drawn)[0][:, 0]
    usual = np.median(of_real) or np.mean(of_real) or 1.0
    ratio = (np.median(of_synthetic) or np.mean(of_synthetic)) / usual
    return float(ratio), float(np.mean(of_synthetic < 1e-9))
