#!/usr/bin/env python3
"""How far synthesised textures are from the observed one, as statistics of patches.

    tools/texture_distance.py OBSERVED.png SYNTHESISED.png [...]

Prints one line a synthesised picture: the sliced Wasserstein-1 distance between the sets of 7x7 RGB patches, averaged
over three scales (full, half, quarter, by 2x2 averaging) and 128 fixed random directions, divided by the same distance of
a flat picture of the observed mean colour. 0 is the same patch statistics, 1 is nothing learned; Gaussian noise of the
observed mean and variance gives about 0.5, and two quarters of one photograph differ by 0.1 (gravel) to 0.4 (rock:
photographs are rarely stationary). Pixels are stretched to [-1, 1] by the observed picture's least and largest value.
Both pictures must show the texture at the same scale: the observed one is resized to a square synthesised one's size
when they differ, as the experiment resizes what it learns from.
"""
import sys

try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    sys.exit(f"tools/texture_distance.py needs NumPy and Pillow ({error}). "
             "On Debian: apt-get install python3-numpy python3-pil, then run it with /usr/bin/python3.")

PATCH, DIRECTIONS, SCALES, MOST_PATCHES = 7, 128, 3, 6000


def load(path, size=None):
    """Picture [H, W, 3] as float, resized to (width, height) where that is asked and differs."""
    try:
        picture = Image.open(path).convert("RGB")
    except OSError as error:
        sys.exit(f"tools/texture_distance.py: cannot read {path}: {error}")
    if size is not None and picture.size != size:
        picture = picture.resize(size, Image.BILINEAR)
    if min(picture.size) < PATCH << (SCALES - 1):
        sys.exit(f"tools/texture_distance.py: {path} is smaller than {PATCH << (SCALES - 1)} pixels")
    return np.asarray(picture, np.float32)


def patches(x, random):
    """At most MOST_PATCHES of the patches of x, a row each."""
    views = np.lib.stride_tricks.sliding_window_view(x, (PATCH, PATCH), axis=(0, 1))
    views = views.reshape(-1, views.shape[2] * PATCH * PATCH)
    return views[random.permutation(len(views))[:MOST_PATCHES]]


def halved(x):
    x = x[:x.shape[0] // 2 * 2, :x.shape[1] // 2 * 2]
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def distance(a, b):
    random = np.random.default_rng(0)
    total = 0.0
    for _ in range(SCALES):
        u, v = patches(a, random), patches(b, random)
        n = min(len(u), len(v))
        directions = random.standard_normal((u.shape[1], DIRECTIONS)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0)
        total += np.abs(np.sort(u[:n] @ directions, axis=0) - np.sort(v[:n] @ directions, axis=0)).mean()
        a, b = halved(a), halved(b)
    return float(total) / SCALES


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for path in sys.argv[2:]:
        synthesised = load(path)
        height, width = synthesised.shape[:2]
        observed = load(sys.argv[1], (width, height) if width == height else None)
        low, high = observed.min(), observed.max()
        observed, synthesised = ((x - low) / max(high - low, 1) * 2 - 1 for x in (observed, synthesised))
        flat = np.broadcast_to(observed.mean((0, 1)), observed.shape)
        floor = distance(observed, flat)
        if floor == 0:
            sys.exit(f"tools/texture_distance.py: {sys.argv[1]} is of one colour: there is no texture to compare with")
        print(f"{distance(observed, synthesised) / floor:.3f}  {path}")


if __name__ == "__main__":
    main()
