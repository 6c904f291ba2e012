#!/usr/bin/env python3
"""The same learning iteration in PyTorch, to measure coopnets against.

    tools/bench_pytorch.py --net digits
    tools/bench_pytorch.py --net all --device cuda --mode best --precision tf32

One iteration is G0, D1, D2, G2 on the paper's nets (digits, scene, texture, video), as `coopnets --bench` times it, and
each net prints one JSON line with the same keys: seconds an iteration (median), seconds of the four phases, GFLOP an
iteration (multiply-adds x 2, the arithmetic that the iteration needs when done directly), peak memory. It is written as
a careful PyTorch user would: filter gradients are switched off during D1, whose bf16 weights are made once an iteration,
D2 and G2 reuse their gradient buffers, Adam is fused on a GPU. As in coopnets an iteration begins when the observed batch
has come from the host's memory to the device, and ends when the device has.
Modes: eager, channels_last, compile, graph (a CUDA graph of the whole iteration), and graph with either of the two
before it; `best` runs all that the device offers and prints the fastest. Each net and mode runs in a process of its own, so that its peak memory is its own.
tools/bench runs this and coopnets in turn and prints the ratios.
"""
import argparse
import copy
import json
import resource
import statistics
import subprocess
import sys
import time

try:
    import torch
    from torch import nn
except ImportError as error:
    sys.exit(f"tools/bench_pytorch.py needs PyTorch ({error}). On Debian: apt-get install python3-torch, "
             "then run it with /usr/bin/python3.")


def lrelu():
    return nn.LeakyReLU(0.2)


def digits_descriptor():
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), lrelu(), nn.Conv2d(64, 128, 4, 2, 1), lrelu(),
        nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(128, 256, 4, 2), lrelu(), nn.Flatten(), nn.Linear(256 * 4 * 4, 100))


def scene_descriptor():
    return nn.Sequential(
        nn.Conv2d(3, 64, 5, 2, 2), lrelu(), nn.Conv2d(64, 128, 3, 2, 1), lrelu(), nn.Conv2d(128, 256, 3, 1, 1), lrelu(),
        nn.Flatten(), nn.Linear(256 * 16 * 16, 100))


def texture_descriptor():
    return nn.Sequential(
        nn.Conv2d(3, 100, 15, 3, 7), nn.ReLU(), nn.Conv2d(100, 70, 9, 1, 4), nn.ReLU(), nn.Conv2d(70, 30, 7, 1, 3), nn.ReLU())


def video_descriptor():
    return nn.Sequential(
        nn.ConstantPad3d((1, 2, 1, 2, 1, 2), 0.0), nn.Conv3d(3, 120, 5, 2), nn.ReLU(),
        nn.Conv3d(120, 30, (5, 64, 64), (2, 1, 1), (2, 0, 0)), nn.ReLU(),
        nn.Conv3d(30, 10, (5, 1, 1), (2, 1, 1), (2, 0, 0)))


def doubling(channels, kernel):
    """Deconvolutions that double rows and columns, batch norm and leaky ReLU between them, tanh last."""
    layers = []
    for i in range(len(channels) - 1):
        odd = kernel % 2
        layers.append(nn.ConvTranspose2d(channels[i], channels[i + 1], kernel, 2, kernel // 2 if odd else 1, output_padding=odd))
        if i + 2 < len(channels):
            layers += [nn.BatchNorm2d(channels[i + 1]), lrelu()]
    return layers + [nn.Tanh()]


def digits_generator():
    return nn.Sequential(
        nn.ConvTranspose2d(100, 512, 4), nn.BatchNorm2d(512), lrelu(),
        nn.ConvTranspose2d(512, 256, 4, 2, 2, output_padding=1), nn.BatchNorm2d(256), lrelu(), *doubling([256, 128, 1], 4))


def scene_generator():
    return nn.Sequential(nn.ConvTranspose2d(100, 512, 4), nn.BatchNorm2d(512), lrelu(), *doubling([512, 256, 128, 64, 3], 5))


def texture_generator():
    return nn.Sequential(*doubling([1, 512, 256, 128, 64, 3], 5))


class VideoGenerator(nn.Module):
    """FC_S_128. TensorFlow's output shapes: 32 of 33 and 64 of 65 frames are kept."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.ConvTranspose3d(5, 256, (5, 1, 1)), nn.BatchNorm3d(256), nn.ReLU())
        self.b = nn.Sequential(nn.ConvTranspose3d(256, 128, (5, 32, 32), (2, 1, 1)), nn.BatchNorm3d(128), nn.ReLU())
        self.c = nn.Sequential(nn.ConvTranspose3d(128, 64, 5, 2, 2, output_padding=1), nn.BatchNorm3d(64), nn.ReLU())
        self.d = nn.ConvTranspose3d(64, 3, (2, 5, 5), (1, 2, 2), (0, 2, 2), output_padding=(0, 1, 1))

    def forward(self, z):
        h = self.b(self.a(z))[:, :, :32]
        return torch.tanh(self.d(self.c(h))[:, :, :64])


# descriptor, generator, image shape, latent shape, observed examples, chains, Langevin steps L, step delta, reference s
NETS = {
    "digits": (digits_descriptor, digits_generator, (1, 28, 28), (100, 1, 1), 100, 144, 15, 0.002, 0.016),
    "scene": (scene_descriptor, scene_generator, (3, 64, 64), (100, 1, 1), 100, 144, 15, 0.002, 0.016),
    "texture": (texture_descriptor, texture_generator, (3, 224, 224), (1, 7, 7), 1, 1, 30, 0.0023, 0.00767),
    "video": (video_descriptor, VideoGenerator, (3, 64, 128, 128), (5, 10, 1, 1), 1, 2, 10, 0.002, 0.016),
}

MODES = ["eager", "channels_last", "compile", "graph", "channels_last_graph", "compile_graph"]


def forward_flop(net, x):
    """Multiply-adds x 2 of the convolutions and matrix products of net(x)."""
    total = 0

    def count(module, inputs, output):
        nonlocal total
        weight, x = module.weight, inputs[0]
        if isinstance(module, (nn.ConvTranspose2d, nn.ConvTranspose3d)):
            total += 2 * weight.numel() * (x.numel() // weight.shape[0])
        elif isinstance(module, nn.Linear):
            total += 2 * weight.numel() * x.shape[0]
        else:
            total += 2 * weight.numel() * (output.numel() // weight.shape[0])

    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, kinds)]
    training = net.training
    with torch.no_grad():
        net.eval()(x)
    net.train(training)
    for hook in hooks:
        hook.remove()
    return total


def measure(name, device_name, mode, precision, iterations):
    """Runs the iterations; the dictionary that is printed."""
    torch.manual_seed(0)
    device = torch.device(device_name)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.set_device(device)  # of streams, graphs and memory statistics
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True

    make_descriptor, make_generator, image, latent, observed, chains, steps, delta, reference = NETS[name]
    descriptor, generator = make_descriptor().to(device), make_generator().to(device)
    of_chains = forward_flop(descriptor, torch.zeros(chains, *image, device=device))
    of_observed = forward_flop(descriptor, torch.zeros(observed, *image, device=device))
    of_generator = forward_flop(generator, torch.zeros(chains, *latent, device=device))
    # G0 forward; D1: L times forward and backward to the input; D2 and G2: forward and both gradients
    gflop = (of_generator + 2 * steps * of_chains + 3 * (of_chains + of_observed) + 3 * of_generator) / 1e9

    if "channels_last" in mode:
        layout = torch.channels_last_3d if len(image) == 4 else torch.channels_last
        descriptor, generator = descriptor.to(memory_format=layout), generator.to(memory_format=layout)
    # During D1 the weights stay, but autocast would round those that need no gradient again in every step.
    frozen = copy.deepcopy(descriptor).to(torch.bfloat16) if precision == "bf16" else None
    if frozen is not None:
        for w in frozen.parameters():
            w.requires_grad_(False)
    weights = list(zip(frozen.parameters(), descriptor.parameters())) if frozen is not None else []
    if "compile" in mode:
        descriptor, generator = torch.compile(descriptor), torch.compile(generator)
        frozen = torch.compile(frozen) if frozen is not None else None
    adam = dict(betas=(0.5, 0.999), **({"capturable": True, "fused": True} if cuda else {}))
    for w in [*descriptor.parameters(), *generator.parameters()]:
        w.grad = torch.zeros_like(w)  # fused Adam wants the gradients laid out as the weights
    descriptor_adam = torch.optim.Adam(descriptor.parameters(), lr=0.007, **adam)
    generator_adam = torch.optim.Adam(generator.parameters(), lr=1e-4, **adam)
    batch = torch.randn(observed, *image).clamp_(-1, 1)
    if cuda:
        batch = batch.pin_memory()
    examples = torch.empty(observed, *image, device=device)
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")

    def energy(x):
        with autocast:
            return descriptor(x).flatten(1).sum(1)

    def upload():
        examples.copy_(batch, non_blocking=True)

    def g0(z):
        with torch.no_grad(), autocast:
            return generator(z).float()

    def d1(x):
        for w in descriptor.parameters():
            w.requires_grad_(False)
        with torch.no_grad():
            for rounded, w in weights:
                rounded.copy_(w)
        for _ in range(steps):
            x = x.detach().requires_grad_(True)
            f = energy(x) if frozen is None else frozen(x.to(torch.bfloat16)).float()
            gradient, = torch.autograd.grad(f.sum(), x)
            with torch.no_grad():
                x = x - 0.5 * delta * delta * (x / (reference * reference) - gradient) + delta * torch.randn_like(x)
        for w in descriptor.parameters():
            w.requires_grad_(True)
        return x.detach()

    def d2(x):
        loss = energy(x).mean() - energy(examples).mean()
        descriptor_adam.zero_grad(set_to_none=False)
        loss.backward()
        descriptor_adam.step()

    def g2(z, x):
        with autocast:
            loss = ((generator(z) - x) ** 2).mean(0).sum() / (2 * 0.3 * 0.3)
        generator_adam.zero_grad(set_to_none=False)
        loss.backward()
        generator_adam.step()

    def clock():
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def iteration(phases=None):
        times = [clock()] if phases is not None else None

        def mark():
            if times is not None:
                times.append(clock())

        z = torch.randn(chains, *latent, device=device)
        x = g0(z)
        mark()
        x = d1(x)
        mark()
        d2(x)
        mark()
        g2(z, x)
        mark()
        if phases is not None:
            phases.append([b - a for a, b in zip(times, times[1:])])

    upload()
    run = iteration
    graphed = "graph" in mode
    if graphed:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                iteration()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            iteration()
        run = graph.replay
    for _ in range(3 if cuda else 1):
        run()
    totals, phases = [], []
    for _ in range(iterations):
        upload()
        start = clock()
        if cuda:
            run()  # phases need a synchronisation between them: see below
        else:
            iteration(phases)
        totals.append(clock() - start)
    seconds = statistics.median(totals)
    if cuda and not graphed:
        iteration(phases)  # once more, step by step
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "net": name, "device": device_name, "mode": mode, "precision": precision,
        "threads": torch.get_num_threads(), "seconds_per_iteration": round(seconds, 5),
        "G0_D1_D2_G2": [round(statistics.median(p), 4) for p in zip(*phases)] or None,  # a graph is one piece
        "gflop_per_iteration": round(gflop, 2), "gflop_per_second": round(gflop / seconds, 1),
        "peak_MiB": round(peak / 2**20)}


def measure_apart(name, mode, a):
    """measure() in a process of its own; None, and the reason on stderr, where it fails or, on a GPU, is not done in 5 minutes."""
    command = [sys.executable, __file__, "--net", name, "--mode", mode, "--device", a.device, "--precision", a.precision,
               "--iterations", str(a.iterations), "--threads", str(a.threads)]
    limit = 300 if a.device != "cpu" else None
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        print(f"tools/bench_pytorch.py: {name} in mode {mode} was not done in {limit} s and is left out", file=sys.stderr)
        return None
    if done.returncode != 0:
        print(f"tools/bench_pytorch.py: {name} in mode {mode} failed, see above", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--net", choices=[*NETS, "all"], required=True)
    p.add_argument("--iterations", type=positive, default=3, help="timed after the warm-up (default 3)")
    p.add_argument("--device", default="cpu", help="cpu, cuda or cuda:I (default cpu)")
    p.add_argument("--mode", default="eager", choices=[*MODES, "best"])
    p.add_argument("--precision", default="fp32", choices=["fp32", "tf32", "bf16"])
    p.add_argument("--threads", type=int, default=0, help="of the CPU (default 0: as many as PyTorch takes)")
    a = p.parse_args()

    cuda = a.device.split(":")[0] == "cuda"
    if cuda and not torch.cuda.is_available():
        sys.exit("tools/bench_pytorch.py: this PyTorch sees no GPU; --device cpu runs without one")
    if not cuda and ("graph" in a.mode or a.precision == "tf32"):
        sys.exit("tools/bench_pytorch.py: --mode graph and --precision tf32 need --device cuda")
    can_compile = hasattr(torch, "compile")
    if "compile" in a.mode and not can_compile:
        sys.exit(f"tools/bench_pytorch.py: --mode {a.mode} needs PyTorch 2, this is {torch.__version__}")
    if a.threads > 0:
        torch.set_num_threads(a.threads)

    if a.net != "all" and a.mode != "best":
        print(json.dumps(measure(a.net, a.device, a.mode, a.precision, a.iterations)), flush=True)
        return
    modes = [a.mode]
    if a.mode == "best":
        modes = [m for m in MODES if (can_compile or "compile" not in m) and (cuda or "graph" not in m)]
        print(f"PyTorch {torch.__version__}, modes {', '.join(modes)}", file=sys.stderr)
    failed = False
    for name in NETS if a.net == "all" else [a.net]:
        results = [r for r in (measure_apart(name, mode, a) for mode in modes) if r]
        if results:
            print(json.dumps(min(results, key=lambda r: r["seconds_per_iteration"])), flush=True)
        else:
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
