#!/usr/bin/env python3
"""Writes tests/data/inception.txt: what PyTorch makes of FID's Inception with random weights, layer by layer, for the
test of src/metrics/inception.cpp. Also checks that tools/convert_inception.py folds batch norm exactly.

    tools/inception_golden.py > tests/data/inception.txt

Weights and pictures are pseudo-random functions of (name, index) that the test computes, too, so that the file holds no
more than names, shapes and, of each layer, its root mean square and its projection on a pseudo-random vector. Needs
Python 3 with NumPy and PyTorch."""
import numpy as np
import torch
import torch.nn.functional as F

import convert_inception


def noise(name, count):
    """Uniform in [-1, 1), by 32-bit mixing of (FNV-1a hash of the name, index)."""
    seed = np.uint32(2166136261)
    with np.errstate(over="ignore"):
        for byte in name.encode():
            seed = np.uint32(seed ^ np.uint32(byte)) * np.uint32(16777619)
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) ^ seed
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
        x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**31 - 1


class Net:
    def __init__(self):
        self.state, self.lines, self.x = {}, [], None

    def conv(self, x, name, channels, kernel, stride=1, padding=None):
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (kh // 2, kw // 2) if padding is None else padding
        shape = (channels, x.shape[1], kh, kw)
        fan_in = x.shape[1] * kh * kw
        s = {"conv.weight": (noise(name + ".conv.weight", int(np.prod(shape))) * (6 / fan_in) ** 0.5).reshape(shape)}
        for key, middle, spread in (("weight", 1, 0.5), ("bias", 0, 0.1), ("running_mean", 0, 0.1), ("running_var", 1, 0.5)):
            s["bn." + key] = middle + spread * noise(f"{name}.bn.{key}", channels)
        s = {key: value.astype(np.float32) for key, value in s.items()}
        self.state.update({f"{name}.{key}": value for key, value in s.items()})
        self.lines.append(f"conv {name} {kh} {kw} {x.shape[1]} {channels}")
        t = {key: torch.tensor(value, dtype=torch.float64) for key, value in s.items()}
        y = F.conv2d(x, t["conv.weight"], stride=stride, padding=padding)
        y = F.batch_norm(y, t["bn.running_mean"], t["bn.running_var"], t["bn.weight"], t["bn.bias"], eps=0.001)
        folded = convert_inception.fold({**{f"a.{k}": v for k, v in s.items()}, "fc.weight": np.zeros((1, 1))})
        w = torch.tensor(folded["a.filters"][0].transpose(3, 2, 0, 1), dtype=torch.float64)
        z = F.conv2d(x, w, torch.tensor(folded["a.bias"].ravel(), dtype=torch.float64), stride, padding)
        assert torch.allclose(y, z, rtol=1e-5, atol=1e-5 * float(y.abs().max())), name
        return F.relu(y)

    def chain(self, x, block, *stages):
        for name, *arguments in stages:
            x = self.conv(x, f"{block}.branch{name}", *arguments)
        return x

    def layer(self, name, x):
        value = x.permute(0, 2, 3, 1).contiguous().numpy().ravel()
        shape = " ".join(str(x.shape[i]) for i in (0, 2, 3, 1))
        projection = float(np.dot(value, noise(name, value.size)))
        self.lines.append(f"layer {name} {shape} {float(np.sqrt(np.mean(value**2))):.9g} {projection:.9g}")
        return x

    def average(self, x):
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    def block_a(self, x, b, pooled):
        return torch.cat([
            self.chain(x, b, ("1x1", 64, 1)),
            self.chain(x, b, ("5x5_1", 48, 1), ("5x5_2", 64, 5)),
            self.chain(x, b, ("3x3dbl_1", 64, 1), ("3x3dbl_2", 96, 3), ("3x3dbl_3", 96, 3)),
            self.chain(self.average(x), b, ("_pool", pooled, 1))], 1)

    def block_b(self, x, b):
        return torch.cat([
            self.chain(x, b, ("3x3", 384, 3, 2, 0)),
            self.chain(x, b, ("3x3dbl_1", 64, 1), ("3x3dbl_2", 96, 3), ("3x3dbl_3", 96, 3, 2, 0)),
            F.max_pool2d(x, 3, 2)], 1)

    def block_c(self, x, b, c):
        return torch.cat([
            self.chain(x, b, ("1x1", 192, 1)),
            self.chain(x, b, ("7x7_1", c, 1), ("7x7_2", c, (1, 7)), ("7x7_3", 192, (7, 1))),
            self.chain(x, b, ("7x7dbl_1", c, 1), ("7x7dbl_2", c, (7, 1)), ("7x7dbl_3", c, (1, 7)),
                       ("7x7dbl_4", c, (7, 1)), ("7x7dbl_5", 192, (1, 7))),
            self.chain(self.average(x), b, ("_pool", 192, 1))], 1)

    def block_d(self, x, b):
        return torch.cat([
            self.chain(x, b, ("3x3_1", 192, 1), ("3x3_2", 320, 3, 2, 0)),
            self.chain(x, b, ("7x7x3_1", 192, 1), ("7x7x3_2", 192, (1, 7)), ("7x7x3_3", 192, (7, 1)),
                       ("7x7x3_4", 192, 3, 2, 0)),
            F.max_pool2d(x, 3, 2)], 1)

    def block_e(self, x, b, last):
        three = self.chain(x, b, ("3x3_1", 384, 1))
        twice = self.chain(x, b, ("3x3dbl_1", 448, 1), ("3x3dbl_2", 384, 3))
        pooled = F.max_pool2d(x, 3, 1, 1) if last else self.average(x)
        return torch.cat([
            self.chain(x, b, ("1x1", 320, 1)),
            self.chain(three, b, ("3x3_2a", 384, (1, 3))), self.chain(three, b, ("3x3_2b", 384, (3, 1))),
            self.chain(twice, b, ("3x3dbl_3a", 384, (1, 3))), self.chain(twice, b, ("3x3dbl_3b", 384, (3, 1))),
            self.chain(pooled, b, ("_pool", 192, 1))], 1)

    def forward(self, x):
        def stem(name, *arguments):
            return self.layer(name, self.conv(x, name, *arguments))

        x = stem("Conv2d_1a_3x3", 32, 3, 2, 0)
        x = stem("Conv2d_2a_3x3", 32, 3, 1, 0)
        x = stem("Conv2d_2b_3x3", 64, 3)
        x = self.layer("maxpool1", F.max_pool2d(x, 3, 2))
        x = stem("Conv2d_3b_1x1", 80, 1)
        x = stem("Conv2d_4a_3x3", 192, 3, 1, 0)
        x = self.layer("maxpool2", F.max_pool2d(x, 3, 2))
        for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = self.layer(name, self.block_a(x, name, pooled))
        x = self.layer("Mixed_6a", self.block_b(x, "Mixed_6a"))
        for name, c in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
            x = self.layer(name, self.block_c(x, name, c))
        x = self.layer("Mixed_7a", self.block_d(x, "Mixed_7a"))
        x = self.layer("Mixed_7b", self.block_e(x, "Mixed_7b", False))
        x = self.layer("Mixed_7c", self.block_e(x, "Mixed_7c", True))
        x = self.layer("pool3", x.mean((2, 3), keepdim=True))
        w = torch.tensor((noise("fc.weight", 1008 * 2048) * (3 / 2048) ** 0.5).astype(np.float32).astype(np.float64))
        return self.layer("logits", F.conv2d(x, w.reshape(1008, 2048, 1, 1)))


def main():
    torch.set_num_threads(1)
    net = Net()
    picture = noise("picture", 127 * 139 * 3).astype(np.float32).astype(np.float64).reshape(1, 127, 139, 3)
    net.forward(torch.tensor(picture).permute(0, 3, 1, 2))
    print("\n".join(net.lines))


if __name__ == "__main__":
    main()
