import zipfile

import numpy as np
import pytest

from skae.datasets import load_movielens

ROWS = [(3, 50, 4, 881250949), (1, 50, 3, 891717742), (3, 7, 1.5, 878887116)]
TEXTS = {
    "u.data": "".join("\t".join(map(str, row)) + "\n" for row in ROWS),
    "ratings.dat": "".join("::".join(map(str, row)) + "\n" for row in ROWS),
    "ratings.csv": "userId,movieId,rating,timestamp\n"
    + "".join(",".join(map(str, row)) + "\n" for row in ROWS),
}


@pytest.fixture(params=TEXTS)
def release(request, tmp_path):
    path = tmp_path / request.param
    path.write_text(TEXTS[request.param])
    return path


def check(data):
    assert data.user_ids.tolist() == [1, 3]
    assert data.item_ids.tolist() == [7, 50]
    assert data.ratings.nnz == 3
    assert np.array_equal(data.ratings.toarray(), [[0, 3], [1.5, 4]])
    assert data.timestamps[1, 0] == 878887116


def test_a_file(release):
    check(load_movielens(release))
    check(load_movielens(str(release)))


def test_a_folder(release):
    check(load_movielens(release.parent))


def test_a_zip_file(release, tmp_path):
    path = tmp_path / "ml.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml/README.txt", "ratings")
        archive.write(release, f"ml/{release.name}")
    check(load_movielens(path))


def test_nothing_there(tmp_path):
    (tmp_path / "movies.csv").write_text("1,2,3")
    for path in (tmp_path, tmp_path / "movies.csv", tmp_path / "gone"):
        with pytest.raises(FileNotFoundError, match="No MovieLens ratings at"):
            load_movielens(path)


@pytest.mark.parametrize(
    "text", ["", "1\t2\n", "1\t2\tgood\t4\n", "1\t2\t\t4\n", "1.5\t2\t3\t4\n", "\x00\x01"]
)
def test_other_content_is_refused(text, tmp_path):
    path = tmp_path / "u.data"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a MovieLens file of ratings"):
        load_movielens(path)
