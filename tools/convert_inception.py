#!/usr/bin/env python3
"""Turns FID's Inception weights, pt_inception-2015-12-05-6726825d.pth (published with pytorch-fid at
https://github.com/mseitzer/pytorch-fid/releases), into what coopnets --evaluate --features reads.

    tools/convert_inception.py pt_inception-2015-12-05-6726825d.pth inception.safetensors [names.txt]

names.txt, if given, names the 1008 logits, one a line in their order (the order of the 2015 network, not torchvision's),
for measures of one category.

Batch norm is folded into the convolution before it, in double:
    filters = conv * scale / sqrt(variance + 0.001),   bias = shift - mean * scale / sqrt(variance + 0.001).
Filters are laid out as [1, kH, kW, Cin, Cout]. The bias of the logits is left out, as in the Inception score's graph.
Needs Python 3 with NumPy and PyTorch."""
import json
import os
import struct
import sys

FORMAT = "coopnets inception 2015-12-05"


def fold(state):
    """{name: float32 array} from a state dict of NumPy arrays."""
    import numpy as np

    weights = {}
    for key in state:
        if not key.endswith(".conv.weight"):
            continue
        name = key[: -len(".conv.weight")]
        value = {k: state[f"{name}.bn.{k}"].astype(np.float64) for k in ("weight", "bias", "running_mean", "running_var")}
        factor = value["weight"] / np.sqrt(value["running_var"] + 0.001)
        filters = state[key].astype(np.float64) * factor[:, None, None, None]
        weights[name + ".filters"] = filters.transpose(2, 3, 1, 0)[None].astype(np.float32)
        bias = value["bias"] - value["running_mean"] * factor
        weights[name + ".bias"] = bias.reshape(1, 1, 1, 1, -1).astype(np.float32)
    weights["fc.filters"] = state["fc.weight"].T[None, None, None].astype(np.float32)
    return weights


def write_safetensors(path, weights, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, value in weights.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".partial", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in weights.values():
            file.write(value.astype("<f4").tobytes())
    os.replace(path + ".partial", path)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    metadata = {"format": FORMAT}
    if len(sys.argv) == 4:
        with open(sys.argv[3], encoding="utf-8") as file:
            metadata["categories"] = "\n".join(file.read().splitlines())
        if metadata["categories"].count("\n") >= 1008:
            sys.exit(f"convert_inception.py: {sys.argv[3]} has more lines than there are logits, 1008")
    import torch

    try:
        state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
        weights = fold({name: value.numpy() for name, value in state.items()})
    except Exception as error:  # whatever PyTorch raises for a file that is no such model
        sys.exit(f"convert_inception.py: {sys.argv[1]} does not hold FID's Inception: {error}")
    write_safetensors(sys.argv[2], weights, metadata)
    print(f"{sys.argv[2]}: {len(weights)} tensors")


if __name__ == "__main__":
    main()
