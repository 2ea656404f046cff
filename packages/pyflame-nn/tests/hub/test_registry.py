"""Models by name: those that come along, one's own, and those of plugins."""

import pytest

import pyflame as pf
from pyflame import extend, hub, nn


@pytest.fixture
def line():
    hub.register_model("straight", lambda inputs=1: nn.Linear(inputs, 1), description="A line.", tags=["regression"])
    yield
    hub.unregister_model("straight")


def test_every_built_in_name_makes_a_model():
    names = hub.list_models()
    assert len(names) > 30 and names == sorted(names)
    for name in names:
        info = hub.model_info(name)
        assert isinstance(hub.get_model(name), nn.Module), name
        assert info.name == name and info.description.endswith(".") and info.tags and info.weights == ()


def test_options_reach_the_model():
    assert hub.get_model("resnet18", num_classes=7).fc.out_features == 7
    small = hub.get_model("bert", hidden_size=8, num_attention_heads=2, vocab_size=9, num_hidden_layers=1)
    assert small.embeddings.word_embeddings.weight.shape == (9, 8)
    config = pf.models.GPT2Config(9, 8, 8, 1, 2)
    assert hub.get_model("gpt2", config=config).config is config
    with pytest.raises(TypeError, match=r"config and n_layer are given: give one"):
        hub.get_model("gpt2", config=config, n_layer=3)


def test_names_are_listed_by_tag_pattern_and_function():
    assert hub.list_models(filter="vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert hub.list_models("generation") == ["gpt2", "llama", "lstm_language_model"]
    assert hub.list_models(tag="vision", filter=lambda name: name.endswith("_2")) == [
        "wide_resnet101_2",
        "wide_resnet50_2",
    ]
    assert hub.list_models("none") == []


def test_models_of_ones_own_are_found_described_and_forgotten(line):
    assert hub.get_model("Straight", inputs=4).in_features == 4
    assert hub.list_models("regression") == ["straight"]
    assert hub.model_info("straight").description == "A line."
    with pytest.raises(ValueError, match="'straight' is registered: choose another name"):
        hub.register_model("STRAIGHT", nn.Linear)
    hub.register_model("STRAIGHT", "pyflame.nn:Identity", overwrite=True)
    assert isinstance(hub.get_model("straight"), nn.Identity) and "straight" not in hub.list_models()
    hub.register_model("straight", nn.Identity, overwrite=True)


def test_a_decorator_takes_the_name_and_the_first_line_of_the_documentation():
    @hub.register_model(tags=["toy"])
    def toy():
        """Make a toy.

        And more.
        """
        return nn.Identity()

    try:
        assert isinstance(toy(), nn.Identity) and isinstance(hub.get_model("toy"), nn.Identity)
        assert hub.model_info("toy").description == "Make a toy."
    finally:
        hub.unregister_model("toy")


def test_unknown_names_are_told_with_those_that_are_alike():
    with pytest.raises(ValueError, match=r"there is no model named 'resnet19'.*Alike are .*resnet18"):
        hub.get_model("resnet19")
    with pytest.raises(ValueError, match="there is no model named 'zzz'.*Alike are none"):
        hub.model_info("zzz")
    with pytest.raises(ValueError, match="there is no model named 3"):
        hub.get_model(3)


@pytest.mark.parametrize("name", ["a/b", "", "../x", " "])
def test_names_are_plain(name):
    with pytest.raises(ValueError, match="cannot be a name"):
        hub.register_model(name, nn.Identity)


def test_wrong_factories_are_told():
    for text in ("pyflame.nn", "pyflame.nn:", "a b:c"):
        with pytest.raises(ValueError, match="expected a function or 'module:name'"):
            hub.register_model("wrong", text)
    with pytest.raises(TypeError, match="factory: expected a function, got int"):
        hub.register_model("wrong", 3)
    with pytest.raises(TypeError, match=r"write @register_model\(\), with brackets"):
        hub.register_model(lambda: None)
    with pytest.raises(TypeError, match="a factory without a name"):
        hub.register_model(None, nn.Identity)


def test_models_of_plugins_are_found():
    extend.registry.models.add("from-plugin", lambda size=2: nn.Linear(size, size))
    try:
        assert hub.get_model("from-plugin", size=3).in_features == 3
        assert hub.list_models("plugin") == ["from-plugin"]
        with pytest.raises(ValueError, match="belongs to a plugin"):
            hub.unregister_model("from-plugin")
    finally:
        extend.registry.models.remove("from-plugin")
    assert "from-plugin" not in hub.list_models()


def test_a_registry_of_ones_own_is_apart():
    registry = hub.ModelRegistry()
    registry.register("x", nn.Identity, tags=["none"])
    assert registry.list() == ["x"] and registry.search("NONE") == ["x"] and "x" not in hub.list_models()
    assert isinstance(registry.get("x"), nn.Identity)
    registry.unregister("x")
    assert registry.list() == []
