#!/usr/bin/env python3
"""The large convolutions of the benchmark nets one by one: ours, PyTorch's (cuDNN on a GPU), and the device's peak.

    tools/bench_conv.py --program build/float/bench_conv [--device cpu|cuda[:I]] [--precision fp32|tf32|bf16] [NAME ...]

Prints a line for each convolution and product: TFLOP/s of ours, its share of the measured peak (the fastest square matrix
product of PyTorch in the same precision), PyTorch's TFLOP/s, and the ratio of the two. GFLOP count multiply-adds x 2 at every
tap, padding included, on both sides. PyTorch computes in channels_last, with cudnn.benchmark on. Without PyTorch ours is
printed alone. `make bench-cuda` calls this.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

try:
    import torch
except ImportError:
    torch = None


def seconds(call, device):
    """Median seconds of one call, each sample being as many calls as take 20 ms: as the program does."""
    def measure(calls):
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        if device != "cpu":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) / calls

    for _ in range(3):
        call()
    measure(1)
    calls = max(1, int(0.02 / measure(1)))
    return statistics.median(measure(calls) for _ in range(7))


def peak(device, dtype):
    """TFLOP/s of the fastest of three square matrix products."""
    best = 0
    for n in (1024, 2048) if device == "cpu" else (2048, 4096, 8192):
        a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
        best = max(best, 2e-12 * n ** 3 / seconds(lambda: a @ b, device))
    return best


def theirs(line, device, dtype):
    """Seconds of the same product in PyTorch."""
    flat = line["kernel"][0] == 1 and line["x"][1] == 1
    axes = slice(1, 3) if flat else slice(0, 3)
    kernel, stride, before, after = (line[key][axes] for key in ("kernel", "stride", "before", "after"))
    n, *sizes, channels = line["x"]
    # cuDNN pads both sides alike: where they differ, the input comes padded, and that is not timed
    alike = before == after
    sizes = [s if alike else s + b + a for s, b, a in zip(sizes[axes], before, after)]
    padding = before if alike else [0] * len(kernel)
    layout = torch.channels_last if flat else torch.channels_last_3d
    made = dict(device=device, dtype=dtype)
    x = torch.randn(n, channels, *sizes, **made).to(memory_format=layout)
    w = torch.randn(line["channels"], channels, *kernel, **made).to(memory_format=layout)
    convolve = torch.nn.functional.conv2d if flat else torch.nn.functional.conv3d
    y = torch.randn_like(convolve(x, w, stride=stride, padding=padding))

    def backward(which):
        return torch.ops.aten.convolution_backward(
            y, x, w, None, stride, padding, [1] * len(kernel), False, [0] * len(kernel), 1, which)

    calls = {"forward": lambda: convolve(x, w, stride=stride, padding=padding),
             "backward_input": lambda: backward([True, False, False]),
             "backward_filter": lambda: backward([False, True, False])}
    with torch.no_grad():
        return seconds(calls[line["product"]], device)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", required=True)
    p.add_argument("--device", default="cuda")
    p.add_argument("--precision", default="fp32", choices=["fp32", "tf32", "bf16"])
    p.add_argument("names", nargs="*", metavar="NAME")
    a = p.parse_args()
    compared = torch is not None and (a.device == "cpu" or torch.cuda.is_available())
    with subprocess.Popen([a.program, a.device, a.precision, *a.names], stdout=subprocess.PIPE, text=True) as ours:
        lines = [json.loads(line) for line in ours.stdout]  # all of ours first: the two do not share the device
    if ours.returncode != 0:
        sys.exit(1)
    precision = lines[0]["precision"] if lines else a.precision  # fp32 on a chip that has no other
    dtype = None
    if compared:
        if a.device != "cpu":
            torch.cuda.set_device(a.device)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True
        top = peak(a.device, dtype)
        print(f"{a.device}, {precision}: measured peak {top:.3f} TFLOP/s (PyTorch {torch.__version__})")
    else:
        print("tools/bench_conv.py: no PyTorch for this device, so ours is timed alone", file=sys.stderr)
    print(f"{'convolution':<22} {'product':<16} {'TFLOP/s':>8} {'of peak':>8} {'PyTorch':>8} {'ratio':>6}")
    for line in lines:
        rate = line["gflop"] / line["seconds"] / 1000
        row = f"{line['conv']:<22} {line['product']:<16} {rate:8.3f}"
        if compared:
            row += f" {rate / top:8.0%}"
            try:
                other = line["gflop"] / theirs(line, a.device, dtype) / 1000
                row += f" {other:8.3f} {rate / other:5.2f}x"
            except RuntimeError as error:  # memory, or a shape that cuDNN has no kernel for
                row += f" {'-':>8}  {str(error).splitlines()[0][:60]}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
