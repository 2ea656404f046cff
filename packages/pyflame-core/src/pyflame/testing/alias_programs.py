"""Random programs of statements that view, change and read tensors which share memory.

A statement is a line of Python in which `lib` is the library, so the same program runs on PyFlame and on PyTorch. Each
is chosen by what the tensors of a reference run look like at that point.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

# What two tensors may do to one memory, as the reference run tells: "apart", "same" window, "overlap".
Overlap = Callable[[Any, Any], str]
Pick = random.Random

SHAPES = (
    (),
    (1,),
    (3,),
    (4,),
    (6,),
    (2, 3),
    (3, 1),
    (1, 4),
    (3, 4),
    (4, 4),
    (2, 1, 3),
    (2, 3, 2),
    (2, 2, 3),
    (0,),
    (2, 0),
)
UNARY = "sin tanh sigmoid exp relu square neg abs".split()
UNARY_IN_PLACE = "sin_ tanh_ sigmoid_ relu_ square_ neg_ abs_ zero_".split()
BINARY = "+ - * /".split()


def is_float(x: Any) -> bool:
    return bool(x.dtype.is_floating_point)


def is_bool(x: Any) -> bool:
    return str(x.dtype).endswith("bool")


def literal(rng: Pick, shape: tuple[int, ...], kind: str) -> str:
    """Source of nested lists of numbers, of small size and away from 0 so that quotients stay tame."""

    def number() -> Any:
        if kind == "bool":
            return rng.random() < 0.5
        if kind.startswith("int"):
            return rng.randint(-4, 4)
        return rng.choice((-1, 1)) * rng.randint(2, 12) / 8

    def nest(dims: tuple[int, ...]) -> Any:
        return [nest(dims[1:]) for _ in range(dims[0])] if dims else number()

    return repr(nest(shape))


def tensor(rng: Pick, shape: tuple[int, ...], kind: str, extra: str = "") -> str:
    # Lists do not tell the sizes behind a 0.
    return (
        f"lib.tensor({literal(rng, shape, kind)}, dtype=lib.{kind}{extra}).reshape({shape})"
        if 0 in shape
        else (f"lib.tensor({literal(rng, shape, kind)}, dtype=lib.{kind}{extra})")
    )


def overlaps_itself(x: Any) -> bool:
    """Whether elements share a place, other than by a stride of 0: what a write leaves is not defined."""
    places = [0]
    for size, stride in zip(x.shape, x.stride()):
        places = [place + stride * k for place in places for k in range(size)]
    return 0 not in x.stride() and len({*places}) < len(places)


def kind_of(x: Any) -> str:
    return str(x.dtype).rpartition(".")[2]


class Writer:
    """Chooses statements for the tensors in `env`, by name."""

    def __init__(self, rng: Pick, env: Mapping[str, Any], overlap: Overlap) -> None:
        self.rng, self.env, self.overlap = rng, env, overlap
        self.count = 0

    def statement(self) -> str:
        names = [name for name, value in self.env.items() if name[0] == "v"]
        if not names or (len(names) < 2 and self.rng.random() < 0.6):
            return self.create()
        weights = {
            self.create: 6,
            self.view: 28,
            self.compute: 14,
            self.in_place: 18,
            self.assign: 16,
            self.indexed: 9,
            self.mode: 5,
            self.read: 4,
            self.out: 4,
            self.reshape_in_place: 2,
        }
        line = self.rng.choices(list(weights), list(weights.values()))[0]()
        if self.rng.random() < 0.12 and not line.startswith("del") and not self.views_history(line):
            line = f"with lib.no_grad(): {line}"
        return line

    def views_history(self, line: str) -> bool:
        """Whether a view of something that requires grad is made: what it is under no_grad is a matter of its own."""
        name = line.partition(" = ")[2].partition(".")[0].partition("[")[0]
        return name[:1] == "v" and name in self.env and bool(self.env[name].requires_grad)

    def pick(self, test: Callable[[Any], bool] = lambda x: True) -> str | None:
        names = [name for name, value in self.env.items() if name[0] == "v" and test(value)]
        # Recent tensors are the interesting ones: chains of views grow from them.
        return self.rng.choice(names[-4:] if self.rng.random() < 0.7 else names) if names else None

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def create(self) -> str:
        kind = self.rng.choice(("float32", "float64", "float32", "float64", "int64", "int32", "bool"))
        shape = self.rng.choice(SHAPES)
        grad = ", requires_grad=True" if kind[0] == "f" and self.rng.random() < 0.4 else ""
        if grad and 0 in shape:
            grad = ""
        return f"{self.name()} = {tensor(self.rng, shape, kind, grad)}"

    # ---- views
    def view(self) -> str:
        source = self.pick()
        assert source
        return f"{self.name()} = {source}{self.view_step(self.env[source])}"

    def view_step(self, x: Any) -> str:
        rng, shape, ndim = self.rng, tuple(x.shape), x.ndim
        dim = rng.randrange(ndim) if ndim else 0
        other = rng.randrange(ndim) if ndim else 0
        size = shape[dim] if ndim else 1
        choices = [
            ".detach()",
            ".data",
            ".view(-1)",
            ".reshape(-1)",
            ".flatten()",
            f".unsqueeze({rng.randint(0, ndim)})",
            ".squeeze()",
            "[...]",
            "[None]",
            ".T" if ndim == 2 else ".squeeze()",
        ]
        if ndim:
            choices += [
                f".transpose({dim}, {other})",
                f".unsqueeze({-1})",
                self.basic(x),
                self.basic(x),
                self.basic(x),
                f".permute({', '.join(map(str, rng.sample(range(ndim), ndim)))})",
                f".movedim({dim}, {other})",
                f".squeeze({dim})",
                f".swapaxes({dim}, {other})",
            ]
        if ndim and size:
            start = rng.randrange(size)
            length = rng.randint(1, size - start)
            choices += [
                f".narrow({dim}, {start}, {length})",
                f".select({dim}, {start})",
                f".unfold({dim}, {rng.randint(1, size)}, {rng.randint(1, 2)})",
                f".split({rng.randint(1, size)}, {dim})[-1]",
                f".chunk(2, {dim})[0]",
                f".unbind({dim})[{start}]",
            ]
        if ndim == 2:
            choices += [".t()", f".diagonal({rng.randint(-1, 1)})", ".diagonal()"]
        if ndim and size == 1:
            sizes = list(shape)
            sizes[dim] = 3
            choices += [f".expand({', '.join(map(str, sizes))})"]
        choices += [f".expand({', '.join(map(str, (2, *shape)))})"]
        numel = x.numel()
        if numel:
            factors = [d for d in (1, 2, 3, 4, 6) if numel % d == 0]
            rows = rng.choice(factors)
            choices += [f".view({rows}, -1)", f".reshape({rows}, {numel // rows})", ".flatten()"]
        return rng.choice(choices)

    def basic(self, x: Any) -> str:
        items = []
        for size in x.shape:
            roll = self.rng.random()
            if roll < 0.3 and size:
                items.append(str(self.rng.randrange(-size, size)))
            elif roll < 0.75:
                start = self.rng.randint(0, size)
                stop = self.rng.randint(start, size) if self.rng.random() < 0.3 else size
                items.append(f"{start if start < size else 0}:{max(stop, 1)}" + self.rng.choice(("", "", ":2")))
            elif roll < 0.85:
                items.append(":")
            elif roll < 0.9:
                items += ["None", ":"]
            else:
                break
        if not items:
            return "[...]"
        if self.rng.random() < 0.2 and len([i for i in items if i != "None"]) == x.ndim:
            items[0] = ":"
        return f"[{', '.join(items)}]"

    # ---- values
    def operand(self, target: str, whole: bool = False) -> str:
        """A number, or a tensor that broadcasts to the target and may be read while the target is written."""
        rng, x = self.rng, self.env[target]
        shape = tuple(x.shape)

        def fits(y: Any) -> bool:
            other = tuple(y.shape)
            return len(other) <= len(shape) and all(a in (1, b) for a, b in zip(other[::-1], shape[::-1]))

        if rng.random() < 0.35 and not whole:
            return str(rng.choice((2, 3, -1, 0.5, 1.5)))
        name = self.pick(fits)
        if name is None or rng.random() < 0.25:
            return tensor(rng, shape, rng.choice(("float32", "float64", kind_of(x))))
        return name if self.overlap(x, self.env[name]) != "overlap" else f"{name}.clone()"

    def compute(self) -> str:
        rng = self.rng
        source = self.pick()
        assert source
        x = self.env[source]
        new = self.name()
        if rng.random() < 0.25:
            copy = rng.choice((".clone()", ".clone()", ".contiguous()", ".reshape(-1).clone()"))
            return f"{new} = {source}{copy}.contiguous()"
        if rng.random() < 0.3 and is_float(x):
            return f"{new} = {source}.{rng.choice(UNARY)}().contiguous()"
        if rng.random() < 0.2:
            dim = f"{rng.randrange(x.ndim)}" if x.ndim and rng.random() < 0.5 else ""
            return f"{new} = {source}.sum({dim}).contiguous()"
        if rng.random() < 0.15 and x.ndim:
            return f"{new} = lib.cat([{source}, {source}], {rng.randrange(x.ndim)}).contiguous()"
        other = self.operand(source)
        sign = rng.choice("+*") if is_bool(x) else rng.choice(BINARY)
        return f"{new} = ({source} {sign} {other}).contiguous()"

    # ---- changes
    def target(self, test: Callable[[Any], bool] = lambda x: True) -> str | None:
        return self.pick(lambda x: test(x) and not overlaps_itself(x))

    def in_place(self) -> str:
        rng = self.rng
        target = self.target()
        if target is None:
            return self.create()
        x = self.env[target]
        roll = rng.random()
        if roll < 0.25 and is_float(x):
            return f"{target}.{rng.choice(UNARY_IN_PLACE)}()"
        if roll < 0.35:
            special = "fill_diagonal_(2)" if x.ndim == 2 else "fill_(2)"
            return f"{target}.{rng.choice(('zero_()', 'fill_(3)', special, 'clamp_(-1, 1)'))}"
        if roll < 0.5:
            return f"{target}.copy_({self.operand(target, whole=True)})"
        if roll < 0.58 and 0 not in x.stride():
            mask = tensor(rng, tuple(x.shape), "bool")
            return f"{target}.masked_fill_({mask}, {rng.choice((2, 0.5))})"
        other = self.operand(target)
        if roll < 0.8:
            return f"{target}.{rng.choice(('add_', 'sub_', 'mul_', 'div_'))}({other})"
        return f"{target} {rng.choice(('+=', '-=', '*=', '/='))} {other}"

    def assign(self) -> str:
        rng = self.rng
        target = self.target(lambda x: x.ndim > 0 and x.numel() > 0)
        if target is None:
            return self.in_place()
        x = self.env[target]
        repeats = 0 in x.stride()
        index = self.basic(x) if rng.random() < 0.6 or repeats else self.advanced(x)
        if index is None:
            return self.in_place()
        if rng.random() < 0.3 and not index.startswith("[lib") and not index.startswith("[["):
            return f"{target}{index} {rng.choice(('+=', '*='))} {rng.choice((2, 0.5, -1))}"
        if rng.random() < 0.4:
            return f"{target}{index} = {rng.choice((7, 0.25, True))}"
        name = self.pick(lambda y: y.numel() == 1 and (is_float(x) or not y.requires_grad))
        if name and rng.random() < 0.4:
            source = name if self.overlap(x, self.env[name]) == "apart" else f"{name}.clone()"
            return f"{target}{index} = {source}"
        return f"{target}{index} = {target}{index}.detach().clone() * 2 + 1"

    def advanced(self, x: Any) -> str | None:
        rng, shape = self.rng, tuple(x.shape)
        if 0 in shape:
            return None

        def positions(size: int, count: int) -> str:
            # Without repeats: which of two writes to one place wins is not defined.
            values = [p - size * (rng.random() < 0.3) for p in rng.sample(range(size), min(count, size))]
            return repr(values) if rng.random() < 0.5 else f"lib.tensor({values})"

        dim = rng.randrange(len(shape))
        roll = rng.random()
        if roll < 0.3:
            return f"[{tensor(rng, shape[: rng.randint(1, len(shape))], 'bool')}]"
        if roll < 0.5:
            return f"[{', '.join([':'] * dim + [positions(shape[dim], 2)])}]"
        if roll < 0.7 and len(shape) > 1:
            count = min(2, *shape[:2])
            return f"[{positions(shape[0], count)}, {positions(shape[1], count)}]"
        if roll < 0.85 and len(shape) > 1:
            return f"[{rng.randrange(shape[0])}, {positions(shape[1], 2)}]"
        return f"[..., {positions(shape[-1], 2)}]"

    def indexed(self) -> str:
        rng = self.rng
        # PyTorch deprecates some of these on expanded memory, and refuses others.
        target = self.target(lambda x: x.ndim > 0 and x.numel() > 0 and 0 not in x.stride())
        if target is None:
            return self.in_place()
        x = self.env[target]
        shape, kind = tuple(x.shape), kind_of(x)
        dim = rng.randrange(len(shape))
        size = shape[dim]
        places = rng.sample(range(size), rng.randint(1, size))
        index = f"lib.tensor({places})"
        part = (*shape[:dim], len(places), *shape[dim + 1 :])
        source = tensor(rng, part, kind)
        spread = f"{index}.reshape({tuple(len(places) if d == dim else 1 for d in range(len(shape)))}).expand({part})"
        first, one = "lib.tensor([0])", f"lib.tensor(1, dtype=lib.{kind})"
        lines = [
            f"{target}.index_fill_({dim}, {index}, 2)",
            f"{target}.index_copy_({dim}, {index}, {source})",
            f"{target}.scatter_({dim}, {spread}, {source})",
            f"{target}.scatter_({dim}, {spread}, 3)",
            f"{target}.index_put_(({index if dim == 0 else first},), {one})",
        ]
        if kind != "bool":
            lines += [
                f"{target}.index_add_({dim}, {index}, {source})",
                f"{target}.scatter_add_({dim}, {spread}, {source})",
                f"{target}.index_put_(({first},), {one}, accumulate=True)",
            ]
        return rng.choice(lines)

    def reshape_in_place(self) -> str:
        target = self.pick(lambda x: not (x.requires_grad and x.is_leaf))
        if target is None:
            return self.in_place()
        x = self.env[target]
        choices = [f"{target}.unsqueeze_(0)", f"{target}.squeeze_()"]
        if x.ndim == 2:
            choices += [f"{target}.t_()", f"{target}.transpose_(0, 1)"]
        return self.rng.choice(choices)

    def out(self) -> str:
        target = self.target(is_float)
        if target is None:
            return self.in_place()
        x = self.env[target]
        source = self.pick(lambda y: tuple(y.shape) == tuple(x.shape) and self.overlap(x, y) != "overlap")
        if source is None:
            return self.in_place()
        return self.rng.choice(
            (
                f"lib.add({source}, {self.operand(target)}, out={target})",
                f"lib.sin({source}, out={target})",
                f"lib.mul({source}, 2, out={target})",
            )
        )

    # ---- modes and reads
    def mode(self) -> str:
        name = self.pick()
        assert name
        return self.rng.choice(
            (
                f"{name}.requires_grad_()" if self.alone(name) else f"{name}.tolist()",
                f"{name}.detach_()" if self.alone(name) else f"{name}.tolist()",
                f"del {name}",
                f"{name}.data = {name}.detach().clone().contiguous() + 1"
                if self.alone(name) and not self.env[name].requires_grad
                else f"del {name}",
                f"{name}.requires_grad_(False)" if self.alone(name) else f"{name}.tolist()",
            )
        )

    def alone(self, name: str) -> bool:
        others = [value for key, value in self.env.items() if key[0] == "v" and key != name]
        x = self.env[name]
        return x.numel() > 0 and all(self.overlap(x, other) == "apart" for other in others)

    def read(self) -> str:
        return f"{self.pick()}.tolist()"
