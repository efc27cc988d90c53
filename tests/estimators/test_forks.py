"""Forked processes compute: OpenMP's threads of their parent do not exist there."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# Two threads are started in the parent before the fork, as large networks and scikit-learn do.
BEGIN = """
import multiprocessing, threading, warnings
import numpy as np, torch
warnings.simplefilter("ignore")
from skorch.callbacks import Callback
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
assert torch.get_num_threads() == 2
torch.ones(400, 400).exp() @ torch.ones(400, 400)
X = np.random.RandomState(0).randn(600, 12)
model = AutoencoderTransformer(4, max_epochs=3, random_state=0).fit(X)
Z = model.transform(X)

def in_child(function):
    def run():
        assert torch.get_num_threads() == 1
        torch.ones(400, 400).exp()  # would wait for a thread of the parent
        function()
        assert torch.get_num_threads() == 1
    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert torch.get_num_threads() == 2
"""
TRANSFORM = """
in_child(lambda: model.transform(X[:1]))
in_child(lambda: np.testing.assert_array_equal(model.transform(X), Z))
"""
FIT = """
def fit():
    model.fit(X)
    np.testing.assert_array_equal(model.transform(X), Z)
    AutoencoderOutlierDetector(n_estimators=1, max_epochs=2).fit(X).score_samples(X)
in_child(fit)
"""
OTHER_ARCHITECTURES = """
S = X[:100].reshape(100, 12)
for architecture, shape in [("convolutional", (24, 4)), ("recurrent", (12, 2))]:
    S = np.random.RandomState(0).randn(100, *shape)
    other = AutoencoderTransformer(3, architecture=architecture, max_epochs=1).fit(S)
    in_child(lambda: other.transform(S))
    in_child(lambda: other.fit(S))
"""
THREAD = """
inside, done = threading.Event(), threading.Event()
class Waits(Callback):
    def on_epoch_end(self, net, **kwargs):
        inside.set()
        done.wait()
other = AutoencoderTransformer(4, max_epochs=2, random_state=0, callbacks=[Waits()])
worker = threading.Thread(target=other.fit, args=(X,))
worker.start()
inside.wait()
# The fit of the other thread has set torch to one thread.
torch.set_num_threads(2)
in_child(lambda: model.transform(X[:1]))
in_child(lambda: model.fit(X))
done.set()
worker.join()
np.testing.assert_array_equal(other.transform(X), Z)
"""
CALLBACK = """
class Forks(Callback):
    def on_epoch_end(self, net, **kwargs):
        torch.set_num_threads(2)
        in_child(lambda: model.transform(X[:1]))
other = AutoencoderTransformer(4, max_epochs=1, callbacks=[Forks()]).fit(X)
import os
class ForksAndGoesOn(Callback):
    child = None
    def on_epoch_end(self, net, **kwargs):
        self.child = os.fork()
callback = ForksAndGoesOn()
other.set_params(callbacks=[callback], max_epochs=1).fit(X)
assert torch.get_num_threads() == (2 if callback.child else 1)
if not callback.child:
    np.testing.assert_array_equal(model.transform(X), Z)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(callback.child, 0)[1]) == 7
"""
JOBLIB = """
from joblib import Parallel, delayed
with Parallel(n_jobs=2, backend="multiprocessing") as parallel:
    for codes in parallel(delayed(model.transform)(X[:n]) for n in (1, 600)):
        np.testing.assert_array_equal(codes, Z[:len(codes)])
    for fitted in parallel(delayed(model.fit)(X) for _ in range(2)):
        np.testing.assert_array_equal(fitted.transform(X), Z)
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(TRANSFORM + FIT, id="transform and fit"),
        pytest.param(OTHER_ARCHITECTURES, id="other architectures", marks=pytest.mark.slow),
        pytest.param(THREAD, id="another thread's fit", marks=pytest.mark.slow),
        pytest.param(CALLBACK, id="a callback forks", marks=pytest.mark.slow),
        pytest.param(JOBLIB, id="joblib", marks=pytest.mark.slow),
    ],
)
def test_no_child_waits_for_threads_of_its_parent(program):
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    environment.pop("MKL_NUM_THREADS", None)
    command = [sys.executable, "-c", BEGIN + program]
    done = subprocess.run(command, env=environment, timeout=90, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
