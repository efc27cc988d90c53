import pytest
import torch

from skae._runtime.device import device_at_hand, resolve_device

HAS_CUDA = torch.cuda.is_available()
MISSING = [
    *([] if HAS_CUDA else ["cuda", "cuda:0", torch.device("cuda")]),
    *([] if torch.backends.mps.is_available() else ["mps"]),
    "cuda:99",
    "meta",
]


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_cpu_is_always_there(device):
    assert resolve_device(device) == torch.device("cpu")
    assert device_at_hand(device) == torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_that_is_there(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("device", MISSING, ids=str)
def test_refuses_a_device_that_is_not_there(device):
    match = r"device='?.*'? is not available on this machine, .*'cpu'"
    with pytest.raises(ValueError, match=match):
        resolve_device(device)


@pytest.mark.parametrize("device", MISSING, ids=str)
def test_a_fitted_model_falls_back_to_the_cpu(device):
    assert device_at_hand(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cpu0", None, 1.5])
def test_refuses_what_is_no_device(device):
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda'"):
        resolve_device(device)


def test_counts_the_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="is not available on this machine"):
        resolve_device("cuda:2")


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")
def test_auto_finds_the_gpu():
    assert resolve_device("auto").type == "cuda"
    assert torch.zeros(1, device=resolve_device("cuda")).is_cuda
