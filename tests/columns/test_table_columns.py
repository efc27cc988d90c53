import json
import pickle

import numpy as np

from skae.columns import Boolean, Categorical, Count, Number, Ordinal, TableColumns

TABLE = TableColumns(
    (
        Number("pay", "float64", n_rows=4, low=1.0, high=3.0),
        Categorical("job", "str", n_rows=4, levels=("a", "b"), rare=("c", "d")),
        Ordinal("size", "ordered category", n_rows=4, levels=(1, 2, 3), categories=(1, 2, 3)),
        Boolean("paid", "bool", n_rows=4),
        Count(5, "int64", n_rows=4, whole=True, low=0.0, high=9.0),
    ),
    "pandas",
)
CODES = np.array([[1.5, 0, 2, 1, 4], [3.0, 2, 0, 0, 0], [2.0, 1, 1, 1, 9]])


def test_features_of_columns_stand_side_by_side():
    assert TABLE.spans == (slice(0, 1), slice(1, 5), slice(5, 8), slice(8, 9), slice(9, 10))
    assert TABLE.column_of_feature.tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 3, 4]
    assert len(TABLE.feature_names) == TABLE.n_features == 10
    assert TABLE.names.tolist() == ["pay", "job", "size", "paid", 5]
    assert TABLE.is_number.tolist() == [True] + 9 * [False]


def test_decoding_undoes_encoding():
    np.testing.assert_array_equal(TABLE.decode(TABLE.encode(CODES)), CODES)


def test_many_rows_are_encoded_as_few_are():
    many = np.tile(CODES, (2000, 1))
    np.testing.assert_array_equal(TABLE.encode(many), np.tile(TABLE.encode(CODES), (2000, 1)))


def test_draws_of_certain_features_are_their_codes():
    drawn = TABLE.draw(TABLE.encode(CODES), np.random.RandomState(0))
    np.testing.assert_array_equal(drawn[:, :4], CODES[:, :4])


def test_only_unseen_levels_are_unseen():
    codes = np.array([[1.0, 3, 3, 1, 4], [1.0, 2, 2, 1, 4]])
    expected = [[False, True, True, False, False], [False] * 5]
    np.testing.assert_array_equal(TABLE.is_unseen(codes), expected)


def test_json_and_pickle_keep_everything():
    assert TableColumns.from_plain(json.loads(json.dumps(TABLE.plain()))) == TABLE
    assert pickle.loads(pickle.dumps(TABLE)) == TABLE


def test_units_make_pca_factor_analysis_of_mixed_data():
    """The inertia of a column of indicators is one less than its levels (Pages 2004)."""
    rng = np.random.default_rng(0)
    column = Categorical("job", "str", n_rows=500, levels=("a", "b", "c"))
    table = TableColumns((Number("pay", "float64", n_rows=500), column), "pandas")
    codes = np.column_stack([rng.normal(size=500), rng.integers(0, 3, 500)])
    features = table.encode(codes)
    scaled = features / table.scales(features.mean(axis=0), features.std(axis=0))
    inertia = scaled.var(axis=0)
    np.testing.assert_allclose(inertia[0], 1)
    np.testing.assert_allclose(inertia[1:].sum(), 2)
