"""The catalogue of errors: what people run into, by code. docs/errors/ is printed from it.

Codes are stable: each new kind takes a new number. An error is of the first kind whose class and pattern match it, so a
narrow kind stands before a wide one, whatever their numbers.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of error.

    `raised` are the names of its classes, `pattern` is searched in its text. `example` raises it, `corrected` does not.
    """

    code: str
    title: str
    raised: tuple[str, ...]
    pattern: str
    cause: str
    example: str
    remedy: str
    corrected: str


KINDS = (
    Kind(
        "PF0001",
        "A traced function needs a value",
        ("TraceError",),
        "",
        "Tracing records operations on tensors whose values are not known. A branch, a conversion to a Python "
        "number, or an "
        "operation whose result's shape depends on values cannot be recorded.",
        "pf.trace(lambda x: x if x.sum() > 0 else -x, pf.ones(2))",
        "Choose with `where`, or pass the deciding value as an argument that is no tensor.",
        "pf.trace(lambda x: pf.where(x.sum() > 0, x, -x), pf.ones(2))",
    ),
    Kind(
        "PF0002",
        "A file is damaged",
        ("SerializationError",),
        "",
        "The file is cut off, has been changed, or is not of the format that it claims to be. Nothing in it was "
        "executed.",
        'Path("x.safetensors").write_bytes(b"abc")\npf.load("x.safetensors")',
        "Get the file anew. A file that `save` wrote is complete or not there, since it is renamed into place.",
        'pf.save({"x": pf.ones(2)}, "x.safetensors")\npf.load("x.safetensors")',
    ),
    Kind(
        "PF0003",
        "A graph breaks a rule of the IR",
        ("GraphError",),
        "",
        "A graph was built or changed into something that cannot be computed: an unknown operation, a cycle, "
        "operands or a "
        "stated type that do not fit.",
        'pf.Graph().create_op("no_such_operation", [])',
        "`pf.ir.ops()` lists the operations with their operands and attributes.",
        'g = pf.Graph()\ng.create_op("relu", [g.create_input((2,), pf.float32)])',
    ),
    Kind(
        "PF0023",
        "A plugin cannot be loaded",
        ("PluginError",),
        "",
        "Its code is not there, raised, was written for another plugin API, or needs a plugin that cannot be loaded. "
        "Nothing that it registered is left.",
        'pf.extend.load_plugin("no_such_plugin")',
        "Update or uninstall its distribution; `pyflame plugins doctor` shows each plugin with its traceback.",
        "pf.extend.list_plugins()",
    ),
    Kind(
        "PF0004",
        "A part of PyFlame is not installed",
        ("ModuleNotFoundError", "ImportError"),
        "not installed",
        "PyFlame is several distributions that share one namespace; the one that ships this part is not here.",
        "pf.lsp",
        "Install the distribution that the message names. `importlib.util.find_spec` tells whether it is here.",
        'importlib.util.find_spec("pyflame.lsp") and pf.lsp',
    ),
    Kind(
        "PF0005",
        "Not enough memory",
        ("MemoryError",),
        "",
        "A result or the temporaries of a run do not fit into memory.",
        "pf.zeros(10**7, 10**7).eval()",
        "Use smaller batches, free tensors, or ask for less at once. Values are computed, and their memory taken, "
        "when they "
        "are asked for.",
        "pf.zeros(10**2, 10**2).eval()",
    ),
    Kind(
        "PF0006",
        "Not implemented",
        ("NotImplementedError",),
        "",
        "The operation exists, but not with these options or dtypes, not on this backend, or without a gradient. "
        "Nothing falls "
        "back silently, and no gradient is dropped.",
        'pf.pad(pf.ones(3), (1, 1), mode="no such mode")',
        "The message says what is missing and what to use instead.",
        'pf.pad(pf.ones(1, 3), (1, 1), mode="reflect")',
    ),
    Kind(
        "PF0007",
        "The history was freed by an earlier backward",
        ("RuntimeError",),
        r"history .* freed",
        "A second backward runs through operations whose history the first one has used and released.",
        "x = pf.ones(1, requires_grad=True)\ny = (x * x).sum()\ny.backward()\ny.backward()",
        "Pass `retain_graph=True` to the first call, or compute the result again.",
        "x = pf.ones(1, requires_grad=True)\ny = (x * x).sum()\ny.backward(retain_graph=True)\ny.backward()",
    ),
    Kind(
        "PF0008",
        "Backward needs a gradient of the output",
        ("RuntimeError", "ValueError"),
        r"give its gradient|outputs and \d+ gradients",
        "`backward` without arguments starts from a single number, the loss. This output has more elements, or "
        "there is not one "
        "gradient for each output.",
        "x = pf.ones(3, requires_grad=True)\n(x * x).backward()",
        "Reduce the output to one number, or pass the gradient of each element.",
        "x = pf.ones(3, requires_grad=True)\n(x * x).sum().backward()",
    ),
    Kind(
        "PF0009",
        "An input is not used by the outputs",
        ("RuntimeError",),
        r"not used by the outputs",
        "`autograd.grad` was asked for the gradient of a tensor that the outputs do not depend on.",
        "x, y = pf.ones(1, requires_grad=True), pf.ones(1, requires_grad=True)\npf.autograd.grad((x * 2).sum(), [y])",
        "Pass `allow_unused=True` to get None for it, or `materialize_grads=True` for zeros.",
        "x, y = pf.ones(1, requires_grad=True), pf.ones(1, requires_grad=True)\n"
        "pf.autograd.grad((x * 2).sum(), [y], allow_unused=True)",
    ),
    Kind(
        "PF0010",
        "A leaf that requires grad is changed in place",
        ("RuntimeError",),
        r"leaf .*(in place|in-place)|leaf that requires grad",
        "The gradient of a leaf belongs to its value; changing it in place inside autograd would leave the two apart.",
        "w = pf.ones(2, requires_grad=True)\nw.add_(1)",
        "Change parameters inside `no_grad`, as optimizers do, or compute a new tensor.",
        "w = pf.ones(2, requires_grad=True)\nwith pf.no_grad():\n    w.add_(1)",
    ),
    Kind(
        "PF0011",
        "A tensor that requires grad is asked for as an array",
        ("RuntimeError",),
        r"^\[(numpy|__array__|array|dlpack|__dlpack__|from_dlpack|buffer)\].*requires? grad",
        "NumPy knows no gradients, so they would be lost without a word.",
        "pf.ones(2, requires_grad=True).numpy()",
        "Say so with `detach()`, or pass `force=True`.",
        "pf.ones(2, requires_grad=True).detach().numpy()",
    ),
    Kind(
        "PF0012",
        "Gradients are asked for where there are none",
        ("RuntimeError",),
        r"requires? grad|require gradients|[Oo]nly leaves|inference",
        "The tensor does not require grad, cannot (only floating-point tensors can), or was made where gradients "
        "are off.",
        "pf.ones(2).sum().backward()",
        "Set `requires_grad=True` on the leaves before computing with them.",
        "pf.ones(2, requires_grad=True).sum().backward()",
    ),
    Kind(
        "PF0013",
        "Several elements, where one is needed",
        ("RuntimeError", "ValueError", "TypeError"),
        r"truth value|expected one element|only one element",
        "`bool`, `item`, `float` and `int` stand for one number; this tensor has none or several.",
        "if pf.ones(2) > 0:\n    pass",
        "Reduce it first, with `any()` or `all()`, or index one element.",
        "if (pf.ones(2) > 0).all():\n    pass",
    ),
    Kind(
        "PF0014",
        "A device or backend is not available",
        ("RuntimeError", "ValueError"),
        r"^\[(device|set_device|get_device|device_info|backends?)\]",
        "Tensors live on the CPU; what computes is chosen by `set_device`, among the backends that are installed.",
        "pf.ones(2).cuda()",
        "Drop the device move. `pyflame plugins list` shows the backends that are installed.",
        'pf.ones(2).to("cpu")',
    ),
    Kind(
        "PF0015",
        "An environment variable has a value that is not understood",
        ("ValueError",),
        r"PYFLAME_[A-Z_]+",
        "A variable that PyFlame reads holds something else than it expects.",
        'os.environ["PYFLAME_OPT_LEVEL"] = "9"\npf.optimize.default_passes()',
        "Correct or unset the variable; `pyflame info` shows all that are set.",
        'os.environ["PYFLAME_OPT_LEVEL"] = "3"\npf.optimize.default_passes()',
    ),
    Kind(
        "PF0016",
        "A dimension does not exist",
        ("IndexError",),
        r"\bdim(s|ension|ensions)?\b(?! \d+ (of|with) size)",
        "An operation names a dimension that the tensor does not have, or an index has more parts than the tensor "
        "dimensions.",
        "pf.ones(2, 3).sum(dim=5)",
        "Dimensions count from 0, or from the end with -1; `x.ndim` tells how many there are.",
        "pf.ones(2, 3).sum(dim=-1)",
    ),
    Kind(
        "PF0017",
        "An index is out of range",
        ("IndexError",),
        "",
        "An element, row or class was asked for that is not there. Indices that are values of tensors are checked "
        "when the "
        "result is computed.",
        "pf.ones(3)[7]",
        "Indices go from 0 to the size minus 1, or from the end with -1.",
        "pf.ones(3)[-1]",
    ),
    Kind(
        "PF0018",
        "A dtype does not fit",
        ("RuntimeError", "TypeError", "ValueError"),
        r"\bdtypes?\b|is not defined for|negative integer powers|no type for|floating[- ]point|cannot hold",
        "The operation is not defined for this dtype, two operands must have the same, or a result cannot be held "
        "by the tensor "
        "that it is written to.",
        "pf.tensor([1, 2]).mean()",
        "Convert with `to()`, or create the tensor with another dtype.",
        "pf.tensor([1, 2]).to(pf.float32).mean()",
    ),
    Kind(
        "PF0019",
        "Shapes do not fit together",
        ("RuntimeError", "ValueError"),
        r"\bshapes?\b|\bsizes?\b|elements\b|\bdims? |dimensions?\b|strides?\b",
        "Sizes differ where they must agree. Shapes broadcast when, from the last dimension on, sizes are equal "
        "or one of "
        "them is 1.",
        "pf.ones(2, 3) @ pf.ones(4, 5)",
        "The message names the operation and both shapes; `reshape`, `transpose` or `unsqueeze` make them fit.",
        "pf.ones(2, 3) @ pf.ones(4, 3).t()[:, :2]",
    ),
    Kind(
        "PF0020",
        "An argument has the wrong type",
        ("TypeError",),
        "",
        "A tensor, number, sequence or name was expected, and something else was given; or an argument is missing "
        "or unknown.",
        'pf.relu("text")',
        "The message names the argument and what it can be.",
        "pf.relu(pf.ones(2))",
    ),
    Kind(
        "PF0021",
        "An argument has a value that is not allowed",
        ("ValueError", "OverflowError", "KeyError"),
        "",
        "The argument is of the right type, but outside of what the operation accepts.",
        "pf.set_num_threads(0)",
        "The message names the value and those that are allowed.",
        "pf.set_num_threads(pf.get_num_threads())",
    ),
    Kind(
        "PF0022",
        "Not possible in this state",
        ("RuntimeError", "AttributeError", "FileExistsError"),
        "",
        "Each argument is fine by itself, but not with what is there: a division by zero, options that exclude "
        "each other, "
        "something that was used up.",
        "(pf.tensor([1]) // 0).eval()",
        "The message says what is in the way.",
        "(pf.tensor([1]) // 2).eval()",
    ),
)
