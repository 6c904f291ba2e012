#!/usr/bin/env python3
"""Reads a checkpoint with NumPy alone: read_checkpoint.py checkpoint.safetensors prints names, shapes and means.

Filters are [kT, kH, kW, Cin, Cout] and correlate, as PyTorch's do. Those of pictures have kT = 1:
    torch.nn.Conv2d.weight           = filters[0].transpose(3, 2, 0, 1)    [Cout, Cin, kH, kW]
    torch.nn.ConvTranspose2d.weight  = filters[0].transpose(3, 2, 0, 1)    a deconvolution takes Cout channels and gives Cin
Biases, and scales and shifts of batch norms, are [1, 1, 1, 1, C]; running means and variances likewise.
"""
import json
import sys

import numpy


def read(path):
    """The tensors by name, and the texts that go with them."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    texts = header.pop("__metadata__", {})
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    return {
        name: numpy.frombuffer(data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }, texts


if __name__ == "__main__":
    tensors, texts = read(sys.argv[1])
    print(texts.get("experiment"), "after", texts.get("iteration"), "iterations")
    for name, values in tensors.items():
        print(name, list(values.shape), "%.6g" % values.mean(dtype=numpy.float64))
