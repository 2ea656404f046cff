"""Classical machine learning, of the domain ai.onnx.ml: the operators that work on numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import pyflame as pf
from pyflame import Tensor

from ..values import Array
from .index import gather
from .registry import maps

ML = "ai.onnx.ml"
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)


@maps("ArrayFeatureExtractor", 1, domain=ML)
def array_feature_extractor(x: Tensor, places: Tensor) -> Tensor:
    found = gather(x, pf.reshape(places, (places.numel(),)), axis=x.ndim - 1)
    return pf.reshape(found, (1, found.numel())) if x.ndim == 1 else found


@maps("Binarizer", 1, domain=ML)
def binarizer(x: Tensor, *, threshold: float = 0.0) -> Tensor:
    return pf.cast(x > threshold, x.dtype)


@maps("Scaler", 1, domain=ML)
def scaler(x: Tensor, *, offset: Sequence[float] = (0.0,), scale: Sequence[float] = (1.0,)) -> Tensor:
    return (pf.cast(x, pf.float32) - pf.tensor(list(offset))) * pf.tensor(list(scale))


@maps("Normalizer", 1, domain=ML)
def normalizer(x: Tensor, *, norm: str = "MAX") -> Tensor:
    wide = pf.cast(x, pf.float32)
    sizes = {
        "MAX": lambda: pf.amax(wide, -1, True),
        "L1": lambda: pf.sum(pf.abs(wide), -1, True),
        "L2": lambda: pf.sqrt(pf.sum(wide * wide, -1, True)),
    }
    if norm not in sizes:
        raise ValueError(f"[Normalizer] norm {norm!r} is none of MAX, L1, L2")
    size = sizes[norm]()
    return wide / pf.where(pf.eq(size, 0), pf.ones_like(size), size)


@maps("TreeEnsemble", 5, domain=ML)
def tree_ensemble(
    x: Tensor,
    *,
    leaf_targetids: Sequence[int],
    leaf_weights: Array,
    nodes_falseleafs: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_modes: Array,
    nodes_splits: Array,
    nodes_trueleafs: Sequence[int],
    nodes_truenodeids: Sequence[int],
    tree_roots: Sequence[int],
    aggregate_function: int = 1,
    membership_values: Array | None = None,
    n_targets: int = 1,
    nodes_hitrates: Array | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    post_transform: int = 0,
) -> Tensor:
    """Walk every row down every tree at once, one level per turn."""
    if post_transform:
        raise NotImplementedError(f"[TreeEnsemble] post_transform {post_transform} has no map: 0 has")
    if aggregate_function not in (0, 1, 2, 3):
        raise ValueError(f"[TreeEnsemble] aggregate_function {aggregate_function} is none of 0 to 3")
    count = len(nodes_featureids)
    missing = np.array(nodes_missing_value_tracks_true or [0] * count, bool)
    # Leaves come after the nodes, each its own successor.
    leaves = np.arange(count, count + len(leaf_targetids))
    following = [
        np.concatenate([np.where(np.array(is_leaf), np.array(ids) + count, np.array(ids)), leaves])
        for is_leaf, ids in ((nodes_falseleafs, nodes_falsenodeids), (nodes_trueleafs, nodes_truenodeids))
    ]
    batch, trees = x.shape[0], len(tree_roots)
    where = pf.broadcast_to(pf.tensor(list(tree_roots), dtype=pf.int64), (batch, trees))
    table = pf.from_numpy(np.stack(following).reshape(-1))
    for _ in range(depth_of(following, tree_roots, count)):
        node = pf.clip(where, 0, count - 1)
        goes = decisions(x, node, nodes_featureids, nodes_modes, nodes_splits, missing, membership_values)
        where = looked_up(table, pf.cast(goes, pf.int64) * len(following[0]) + where)
    weight = looked_up(pf.cast(pf.from_numpy(leaf_weights), x.dtype), where - count)
    target = looked_up(pf.tensor(list(leaf_targetids), dtype=pf.int64), where - count)
    hit = pf.eq(pf.unsqueeze(target, 2), pf.arange(n_targets))
    weights = pf.unsqueeze(weight, 2)
    if aggregate_function in (0, 1):
        total = pf.sum(pf.where(hit, weights, pf.zeros_like(weights)), 1)
        return total / trees if aggregate_function == 0 else total
    lost = float("inf") if aggregate_function == 2 else float("-inf")
    seen = pf.where(hit, weights, pf.full_like(weights, lost))
    return pf.amin(seen, 1) if aggregate_function == 2 else pf.amax(seen, 1)


def looked_up(table: Tensor, places: Tensor) -> Tensor:
    """Return the entries of a table at places of any shape."""
    return pf.reshape(pf.index_select(table, 0, pf.reshape(places, (-1,))), places.shape)


def depth_of(following: Sequence[Array], roots: Sequence[int], count: int) -> int:
    """Return how many decisions the longest path has.

    Raises:
        ValueError: a path leads back to where it came from.
    """
    reached = np.unique(np.array(roots))
    for depth in range(count + 1):
        reached = reached[reached < count]
        if not reached.size:
            return depth
        reached = np.unique(np.concatenate([branch[reached] for branch in following]))
    raise ValueError("[TreeEnsemble] a path through its nodes goes round in a circle")


def decisions(
    x: Tensor,
    node: Tensor,
    features: Sequence[int],
    modes: Array,
    splits: Array,
    missing: Array,
    members: Array | None,
) -> Tensor:
    """Return for every row and tree whether its node sends it to the true branch."""

    def at(values: Array) -> Tensor:
        return looked_up(pf.from_numpy(np.ascontiguousarray(values)), node)

    value = pf.gather(x, 1, at(np.array(features, np.int64)))
    split, mode = pf.cast(at(splits), x.dtype), at(modes.astype(np.int64))
    rules = {LEQ: value <= split, LT: value < split, GTE: value >= split, GT: value > split, EQ: pf.eq(value, split)}
    rules[NEQ] = pf.logical_not(rules[EQ])
    if members is not None:
        rules[MEMBER] = member_of(value, node, modes, members)
    result = at(missing) & pf.isnan(value)
    for number, holds in rules.items():
        result = result | (pf.eq(mode, number) & holds)
    return result


def member_of(value: Tensor, node: Tensor, modes: Array, members: Array) -> Tensor:
    """Return whether values are in the sets of their nodes; the sets follow each other, each closed by NaN."""
    result = pf.zeros_like(value, dtype=pf.bool_)
    sets = np.split(members, np.flatnonzero(np.isnan(members)) + 1)
    for place, entries in zip(np.flatnonzero(modes == MEMBER), sets):
        inside = pf.zeros_like(result)
        for entry in entries[~np.isnan(entries)].tolist():
            inside = inside | pf.eq(value, entry)
        result = result | (pf.eq(node, int(place)) & inside)
    return result
