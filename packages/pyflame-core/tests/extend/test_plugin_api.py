"""The deprecation policy of the plugin API: a minor version adds, what a major version removes has warned before."""

import inspect
import re
import types
import warnings

import pytest

from pyflame import extend

# Version of the plugin API -> the names that came with it; functions with their parameters.
NAMES = {
    (1, 0): """
        API_VERSION CAPABILITIES AutogradFunction CSLTemplateInfo CheckReport CustomOp Finding Plugin PluginError
        PluginInfo PluginManager
        check(op, samples)
        clear_custom_ops()
        custom_op(name, backward_fn=None, csl_template=None, **parts)
        diagnose()
        discover_plugins()
        get_custom_op(name)
        get_plugin(name)
        list_custom_ops()
        list_plugins()
        load_plugin(name)
        register_backend(name, factory)
        register_custom_op(name, forward_fn, backward_fn=None, csl_template=None, *, shape_fn=None, dtype_fn=None,
            batch_fn=None, cost_fn=None, onnx=None, num_outputs=1, override=False)
        register_integration(name, integration)
        register_pass(name, pass_)
        register_plugin(cls)
        register_serializer(name, suffix, save, load)
        unload_plugin(name)
        unregister_custom_op(name)
        Plugin.api Plugin.dependencies Plugin.description Plugin.name Plugin.requires Plugin.version
        Plugin.setup(self)
        Plugin.teardown(self)
        Plugin.get_backends(self)
        Plugin.get_cli(self)
        Plugin.get_custom_ops(self)
        Plugin.get_info(self)
        Plugin.get_integrations(self)
        Plugin.get_models(self)
    """,
}
CAPABILITIES = {
    (1, 0): """
        custom_ops batching_rules cost_models onnx_maps csl_templates backends passes serializers models
        integrations cli
    """,
}
LEAVING = re.compile(r"use (?P<replacement>[\w.]+) instead.*plugin api (?P<major>\d+)")


def promised(table):
    """The entries of all versions up to the present one."""
    texts = [text for version, text in table.items() if version <= extend.API_VERSION]
    return [entry for text in texts for entry in re.findall(r"[\w.]+(?:\([^)]*\))?", text)]


def resolve(module, dotted):
    found = module
    for part in dotted.split("."):
        found = getattr(found, part)
    return found


def narrowed(function, parameters):
    """Whether a call that fits `parameters` may not fit the function, or may mean something else."""
    before = list(inspect.signature(eval(f"lambda {' '.join(parameters.split())}: None")).parameters.values())
    now = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    old_names = [p.name for p in before]
    kept = [p for p in now if p.name in old_names]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p for p in now if p.name not in old_names and p.default is p.empty and p.kind not in variable]
    positions = [p.name for p in now if p.kind is p.POSITIONAL_OR_KEYWORD]
    old_positions = [p.name for p in before if p.kind is p.POSITIONAL_OR_KEYWORD]
    return kept != before or bool(required) or positions[: len(old_positions)] != old_positions


def problems(module, entries):
    """What the policy does not allow to have happened to the entries of a module."""
    for entry in entries:
        name, _, parameters = entry.rstrip(")").partition("(")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = resolve(module, name)
            except AttributeError:
                yield f"{name} is gone: a name leaves with a major version, after warnings"
                continue
        for warning in caught:
            leaving = LEAVING.search(str(warning.message))
            if not issubclass(warning.category, DeprecationWarning) or leaving is None:
                yield f"{name} warns without saying what to use and which plugin api removes it: {warning.message}"
            elif int(leaving["major"]) <= extend.API_VERSION[0]:
                yield f"{name} leaves with plugin api {leaving['major']}, which is too early"
            elif any(problems(module, [leaving["replacement"]])):
                yield f"{name} is replaced by {leaving['replacement']}, which is not there"
        if entry.endswith(")") and narrowed(found, parameters):
            yield f"{name}{inspect.signature(found)} no longer takes ({parameters})"


def public(module):
    own = {name for name, value in vars(module).items() if not name.startswith("_") and name != "annotations"}
    members = {f"Plugin.{name}" for name in vars(module.Plugin) if not name.startswith("_")}
    return {name for name in own if not inspect.ismodule(getattr(module, name))} | members


def test_nothing_left_or_changed_without_a_major_version():
    assert list(problems(extend, promised(NAMES))) == []
    assert set(promised(CAPABILITIES)) <= extend.CAPABILITIES


def test_what_is_new_raises_the_minor_version():
    listed = {entry.partition("(")[0] for entry in promised(NAMES)}
    assert public(extend) - listed == set(), "list them under the version that adds them, and raise API_VERSION to it"
    assert set(promised(CAPABILITIES)) == extend.CAPABILITIES
    assert max(NAMES) == max(CAPABILITIES) == extend.API_VERSION


def module_with(warning=None, category=DeprecationWarning, **members):
    class Module(types.ModuleType):
        @property
        def old(self):
            warnings.warn(warning, category, stacklevel=2)
            return 1

    module = Module("changed") if warning else types.ModuleType("changed")
    vars(module).update(members)
    return module


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (module_with(old=1), None),
        (module_with(), "old is gone"),
        (module_with("use new instead; it leaves with plugin api 2", new=1), None),
        (module_with("use new instead; it leaves with plugin api 2"), "replaced by new, which is not there"),
        (module_with("use new instead; it leaves with plugin api 1", new=1), "too early"),
        (module_with("old is bad", new=1), "without saying what to use"),
        (module_with("use new instead; it leaves with plugin api 2", UserWarning, new=1), "without saying what to use"),
    ],
)
def test_policy_for_names(module, found):
    texts = list(problems(module, ["old"]))
    assert len(texts) == (found is not None) and (found is None or found in texts[0])


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        (lambda a, b=1: None, True),
        (lambda a, b=1, c=2, *, d=3: None, True),
        (lambda a, b=1, *args, **more: None, True),
        (lambda a, b=2: None, False),
        (lambda a, b: None, False),
        (lambda a: None, False),
        (lambda b=1, a=None: None, False),
        (lambda x, b=1: None, False),
        (lambda a, *, b=1: None, False),
        (lambda a, c=0, b=1: None, False),
        (lambda a, b=1, *, c: None, False),
    ],
)
def test_policy_for_parameters(function, allowed):
    assert (list(problems(types.SimpleNamespace(f=function), ["f(a, b=1)"])) == []) == allowed
