import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skae._classification.softmax_regression import SoftmaxRegression


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_it_is_logistic_regression(load, form):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    expected = LogisticRegression(tol=1e-8, max_iter=5000).fit(X, y).predict_proba(X)
    found = SoftmaxRegression(form(X), y).predict_proba(form(X))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_classes_that_can_be_separated_end_as_well():
    X = np.repeat([[-1e3], [1e3]], 5, axis=0)
    found = SoftmaxRegression(X, np.repeat([0, 1], 5)).predict_proba(X)
    np.testing.assert_allclose(found, np.eye(2).repeat(5, axis=0), atol=1e-5)
