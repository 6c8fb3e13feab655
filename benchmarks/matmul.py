"""The machine's matmul peak, and how many operations training an LSTM needs at least."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import torch

from lstm_model.search.hyper_params import HyperParams

SIZES = (512, 768, 1024, 1536, 2048)
"""Sides of square matrices; the best one counts."""


def lstm_gflop(
    params: HyperParams, features: int, bars: int, train_windows: int, other_windows: int
) -> float:
    """Return the GFLOP of the products of one epoch.

    Forward, a layer of width H takes 2 * 4H * (in + H) operations a bar, `in` being the features or
    the H of the layer below. Backward takes twice that, for gradients of weights and of inputs, but
    nobody needs the features' own. Windows that are only evaluated go forward alone. Gates, head
    and optimiser are not counted.
    """
    hidden = params.hidden_size
    inputs = [features] + [hidden] * (params.num_layers - 1)
    forward = sum(8 * hidden * (count + hidden) for count in inputs)
    backward = 2 * forward - 8 * hidden * features
    return bars * (train_windows * (forward + backward) + other_windows * forward) / 1e9


class MatmulPeak:
    """Warm single-threaded processes that multiply at the same time, as workers train."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        os.environ.update(dict.fromkeys(before, "1"))
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
        self.gflops("fp32", seconds_a_size=0.01)
        os.environ.update({name: value for name, value in before.items() if value is not None})
        for name in (name for name, value in before.items() if value is None):
            del os.environ[name]

    def gflops(self, precision: str, seconds_a_size: float = 0.4) -> float:
        """Return the GFLOP/s of all processes together at their best size."""
        rates = [
            self._pool.submit(_rate_by_size, precision, seconds_a_size)
            for _ in range(self.processes)
        ]
        return max(map(sum, zip(*(rate.result() for rate in rates), strict=True)))

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown()


def _rate_by_size(precision: str, seconds: float) -> list[float]:
    torch.set_num_threads(1)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    rates = []
    for size in SIZES:
        left, right = torch.randn(2, size, size).to(dtype)
        product = torch.mm(left, right)
        started, count = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds or not count:
            torch.mm(left, right, out=product)
            count += 1
        rates.append(2 * size**3 * count / max(elapsed, 1e-9) / 1e9)
    return rates
