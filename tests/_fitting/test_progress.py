"""scikit-learn's callbacks, where the installed release has them."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderTransformer
from skae._fitting.progress import EpochReport

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")

X = np.random.RandomState(0).randn(60, 5)


class Recorder:
    """Note every task, and stop after an epoch if asked to."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.log = []

    def setup(self, estimator, context):
        self.log.append("setup")

    def teardown(self, estimator, context):
        self.log.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.log.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        score = fitted_estimator.score(X)
        self.log.append(f"end {context.task_name} {context.task_id}")
        self.scores = [*getattr(self, "scores", []), score]
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def quick(**parameters):
    return AutoencoderTransformer(
        2, max_epochs=3, validation_fraction=0.1, random_state=0, **parameters
    )


def test_each_epoch_is_a_task_with_a_fitted_estimator():
    recorder = Recorder()
    ae = quick().set_callbacks(recorder).fit(X)
    epochs = [f"{end} epoch {i}" for i in range(3) for end in ("begin", "end")]
    assert recorder.log == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    assert recorder.scores[-1] == ae.score(X)


def test_a_callback_can_stop_the_training():
    ae = quick().set_callbacks(Recorder(stop_after=2)).fit(X)
    assert ae.n_epochs_ == 2


def test_teardown_also_after_an_error():
    recorder = Recorder()
    with pytest.raises(ValueError, match="n_components"):
        quick().set_params(n_components=9).set_callbacks(recorder).fit(X)
    assert recorder.log in ([], ["setup", "teardown"])


def test_progress_bar_alone_and_through_a_search(capsys):
    pytest.importorskip("rich", reason="the progress bar of scikit-learn needs rich")
    quick().set_callbacks(callback.ProgressBar()).fit(X)
    assert "100%" in capsys.readouterr().out
    search = GridSearchCV(quick(), {"n_components": [1, 2]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(X)
    assert "AutoencoderTransformer" in capsys.readouterr().out


def test_scoring_monitor():
    monitor = callback.ScoringMonitor(scoring=lambda estimator, X, y: estimator.score(X))
    ae = quick().set_callbacks(monitor).fit(X)
    assert ae.n_epochs_ == 3


def test_a_report_is_heard_by_callbacks_of_the_estimator_or_around_it():
    ae = AutoencoderTransformer(max_epochs=1)
    assert not EpochReport(ae).is_heard
    assert EpochReport(AutoencoderTransformer(verbose=1)).is_heard
    ae.set_callbacks(Recorder())
    assert EpochReport(ae).is_heard
    assert not EpochReport(ae).on_terminal().is_heard
    heard = []

    class Around(Recorder):
        """Handed on by a search to the estimators that it fits."""

        max_propagation_depth = None

        def on_fit_task_end(self, estimator, context, **kwargs):
            pass

    class Noting(AutoencoderTransformer):
        def fit(self, X, y=None):
            heard.append(EpochReport(self).is_heard)
            return super().fit(X, y)

    search = GridSearchCV(Noting(2, max_epochs=1), {"n_components": [1]}, cv=2)
    search.fit(X)
    assert not any(heard)
    search.set_callbacks(Around()).fit(X)
    assert heard[-1]
