"""Logistic regression for several classes, which ends where it is told to and says nothing."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

# Steps of L-BFGS: nearly separable classes would take many more for digits that nobody reads.
_MOST_STEPS = 200


class SoftmaxRegression:
    r"""Class probabilities that are linear in rows, before a softmax.

    .. math:: \min_{W, b} \; -\sum_i \log \text{softmax}(W x_i + b)_{y_i}
              + \frac{\lambda}{2} \lVert W \rVert^2

    with :math:`\lambda = 1`, or 2 for two classes, whose weights share what one of them would
    have: the defaults of scikit-learn's LogisticRegression. That one warns where the steps do not
    suffice, and to silence it would change the filters of all threads.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows.

    numbers : ndarray of shape (n_samples,)
        Numbers of their classes, from 0 to ``n_classes - 1``, each at least once.
    """

    def __init__(self, X, numbers: np.ndarray):
        n_classes, n_features = int(numbers.max()) + 1, X.shape[1]
        penalty = 2.0 if n_classes == 2 else 1.0
        rows = np.arange(len(numbers))

        def objective(parameters):
            weights, bias = _parts(parameters, n_classes)
            logits = X @ weights.T + bias
            loss = -log_softmax(logits, axis=1)[rows, numbers].sum()
            excess = softmax(logits, axis=1)
            excess[rows, numbers] -= 1
            slope = (X.T @ excess).T + penalty * weights
            loss += 0.5 * penalty * np.square(weights).sum()
            return loss, np.concatenate([slope.ravel(), excess.sum(axis=0)])

        start = np.zeros(n_classes * (n_features + 1))
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}
        )
        self.weights, self.bias = _parts(found.x, n_classes)

    def predict_proba(self, X) -> np.ndarray:
        """Return the probabilities of the classes, of shape (n_samples, n_classes)."""
        return softmax(X @ self.weights.T + self.bias, axis=1)


def _parts(parameters: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    return parameters[:-n_classes].reshape(n_classes, -1), parameters[-n_classes:]
