"""Samples of tables whose columns are not all numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skae._generation.posterior import posterior
from skae._network.fitted_network import FittedNetwork
from skae.columns import Number, TableColumns

# Rows that say how the numbers are distributed that a model draws.
_REFERENCE_ROWS = 5000
# Turns in which codes and unknown values are drawn from each other.
_N_TURNS = 30
# Draws the decoder's predictions for new rows, of shape (n_rows, n_features).
Prior = Callable[[int, np.random.RandomState], np.ndarray]


@dataclass(frozen=True)
class TableSampling:
    """Draws of rows of a table.

    Parameters
    ----------
    fitted : FittedNetwork
        The network.

    table : TableColumns
        The columns.

    prior : callable
        Draws the decoder's predictions for new rows.

    device : str
        The device to compute on.
    """

    fitted: FittedNetwork
    table: TableColumns
    prior: Prior
    device: str

    def codes(self, n_rows: int, rng: np.random.RandomState) -> np.ndarray:
        """Return the codes of new rows, of shape (n_rows, n_columns).

        Levels and counts are drawn by their probabilities. Each number is brought to the
        distribution of its column in ``fit``, which a network does not learn to the last peak.
        """
        rows = self._with_noise(self.prior(n_rows, rng), rng)
        return self._as_distributed(rows, self.table.draw(rows, rng))

    def completed(self, known: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        r"""Return codes of rows with values drawn for the unknown ones, given the known ones.

        Codes :math:`z \sim q(z | x)` and values :math:`x \sim p(x | z)` are drawn in turns, where
        known values stay (pseudo-Gibbs sampling, Rezende et al. [1]_).

        Parameters
        ----------
        known : ndarray of shape (n_rows, n_columns)
            Codes of rows, NaN for unknown values.

        rng : RandomState instance
            Source of all draws.

        References
        ----------
        .. [1] D. J. Rezende, S. Mohamed and D. Wierstra, "Stochastic backpropagation and
           approximate inference in deep generative models", ICML 2014, section 5.
        """
        table, unknown = self.table, np.isnan(known)
        fixed = ~unknown[:, table.column_of_feature]
        of_known = table.encode(np.where(unknown, 0.0, known))
        rows = self._with_noise(self.prior(len(known), rng), rng)
        for _ in range(_N_TURNS):
            complete = np.where(fixed, of_known, table.encode(table.draw(rows, rng)))
            mean, deviation = posterior(self.fitted, complete, self.device, np.dtype(np.float64))
            drawn = mean + deviation * rng.standard_normal(mean.shape)
            predicted = self.fitted.decode(drawn, self.device, np.dtype(np.float64))
            rows = self._with_noise(predicted, rng)
        drawn = self._as_distributed(rows, table.draw(rows, rng))
        return np.where(unknown, drawn, known)

    def _with_noise(self, rows: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Return rows whose numbers have the deviation that a variational kind has learned."""
        log_scale = self.fitted.weights.get("log_scale")
        rows = rows.astype(np.float64)
        if log_scale is not None:
            numbers = np.flatnonzero(self.table.is_number)
            columns = self.table.column_of_feature[numbers]
            deviations = np.exp(log_scale[columns].astype(np.float64))
            deviations = deviations * np.asarray(self.fitted.scaling.scale)[numbers]
            rows[:, numbers] += rng.standard_normal((len(rows), len(numbers))) * deviations
        return rows

    def _as_distributed(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return codes whose numbers have the distribution of their column.

        A sample of the model, always the same, says what its own distribution is.
        """
        rng = np.random.RandomState(0)
        reference = self._with_noise(self.prior(_REFERENCE_ROWS, rng), rng)
        for j, (column, span) in enumerate(zip(self.table.columns, self.table.spans, strict=True)):
            if isinstance(column, Number) and column.role == "number":
                of_model = reference[:, span.start]
                codes[:, j] = column.as_distributed(rows[:, span.start], of_model)
        return codes
