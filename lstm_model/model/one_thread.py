"""One thread for small passes: several that wait for each other take minutes on a busy machine."""

from threadpoolctl import threadpool_limits


def one_thread() -> threadpool_limits:
    """Return a context in which torch and scikit-learn compute on one thread; it ends with it."""
    return threadpool_limits(1, user_api="openmp")
