"""What a custom operation costs per call over the plain function: at most 2 us, recording only.

python packages/pyflame-core/benchmarks/custom_op.py
"""

import statistics
import time

import pyflame as pf
from pyflame import extend


def forward(x):
    return x * pf.sigmoid(x)


def backward(grad, x):
    s = pf.sigmoid(x)
    return grad * (s + x * s * (1 - s))


def seconds_per_call(function, x, calls=20_000):
    start = time.perf_counter()
    for _ in range(calls):
        function(x)
    return (time.perf_counter() - start) / calls


def measure(rounds=15):
    """Medians of interleaved rounds, in us: the plain function, then what each kind of custom op adds."""
    composite = extend.register_custom_op("bench_composite", forward)
    with_vjp = extend.register_custom_op("bench_with_vjp", forward, backward)
    x = pf.ones(8)
    pf.eval(x)
    functions = {"plain": forward, "composite": composite, "with backward_fn": with_vjp}
    try:
        found = {name: [] for name in functions}
        for _ in range(rounds):
            for name, function in functions.items():
                found[name].append(seconds_per_call(function, x) * 1e6)
    finally:
        extend.unregister_custom_op("bench_composite")
        extend.unregister_custom_op("bench_with_vjp")
    plain = found.pop("plain")
    overheads = {
        name: statistics.median(a - b for a, b in zip(times, plain, strict=True)) for name, times in found.items()
    }
    return statistics.median(plain), overheads


def main():
    plain, overheads = measure()
    print(f"plain function: {plain:.2f} us per call")
    for name, overhead in overheads.items():
        print(f"custom op, {name}: + {overhead:.2f} us ({'within' if overhead <= 2 else 'above'} 2 us)")


if __name__ == "__main__":
    main()
