"""What skae must leave as it is: state that belongs to the whole process."""

import gc
import logging
import os
import random
import signal
import sys
import threading
import warnings

import numpy as np
import sklearn
import torch


def snapshot():
    """Return the state of the process by name, all of it comparable."""
    kind, keys, *rest = np.random.get_state()
    return {
        "random's generator": random.getstate(),
        "numpy's generator": (kind, keys.tobytes(), *rest),
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
        "torch's generators of GPUs": [s.tolist() for s in _gpu_states()],
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": str(torch.get_default_device()),
        "torch's number of threads": torch.get_num_threads(),
        "torch's number of threads between operations": torch.get_num_interop_threads(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's inference mode": torch.is_inference_mode_enabled(),
        "torch's autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "torch's deterministic flags": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "torch's precision of products": (
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.allow_tf32,
        ),
        "torch's denormals": float(torch.tensor([1e-40]) * 1.0),
        "torch's anomaly mode": torch.is_anomaly_enabled(),
        "torch's printing": vars(torch._tensor_str.PRINT_OPTS).copy(),
        "numpy's errors": np.geterr(),
        "numpy's printing": str(np.get_printoptions()),
        "scikit-learn's configuration": sklearn.get_config(),
        "filters of warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "working directory": os.getcwd(),
        "signal handlers": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "recursion limit": sys.getrecursionlimit(),
        "garbage collection": gc.isenabled(),
        "logging": (logging.root.level, list(logging.root.handlers)),
        "standard streams": (id(sys.stdout), id(sys.stderr)),
        "skae's threads": [t.name for t in threading.enumerate() if t.name.startswith("skae")],
        "open files": _open_files(),
    }


def changed(before, after):
    """Return the names of what differs."""
    return [name for name in before if before[name] != after[name]]


def _gpu_states():
    return torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _open_files():
    """Return how many descriptors are open, where the system can tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except FileNotFoundError:
        return None
