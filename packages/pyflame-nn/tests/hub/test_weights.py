"""Registered weights: local and remote, checked at each use, and clear errors where there are none."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import pyflame as pf
from pyflame import hub, models
from pyflame.hub.cache import check_name

TORCH = Path(__file__).parents[3] / "pyflame-core" / "tests" / "references" / "torch"


@pytest.fixture
def lenet(tmp_path):
    model = models.LeNet(3)
    pf.save(model, tmp_path / "lenet.safetensors")
    return model, tmp_path / "lenet.safetensors"


def same(one, two):
    return all(bool((a == b).all()) for a, b in zip(one.state_dict().values(), two.state_dict().values()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: models.resnet18(pretrained=True),
        lambda: models.resnet18(True),
        lambda: models.resnet18(weights="DEFAULT"),
        lambda: hub.get_model("resnet18", pretrained=True),
        lambda: hub.load("ResNet18"),
        lambda: hub.load_state_dict("resnet18"),
        lambda: hub.download_weights("resnet18"),
        lambda: hub.get_weight_path("resnet18"),
    ],
)
def test_weights_that_nobody_registered_are_an_error(make):
    with pytest.raises(hub.WeightsError, match=r"no weights are registered as 'resnet18' .* hub\.register_weights"):
        make()


def test_a_file_that_has_the_name_of_a_model_is_not_taken_for_its_weights(lenet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lenet", "alexnet"):
        shutil.copy(lenet[1], tmp_path / name)
    for make in (
        lambda: hub.get_model("lenet", pretrained=True, num_classes=3),
        lambda: hub.get_model("lenet", weights="DEFAULT", num_classes=3),
        lambda: models.alexnet(pretrained=True),
    ):
        with pytest.raises(hub.WeightsError, match="no weights are registered as"):
            make()


def test_a_local_file_is_registered_used_and_checked(lenet):
    model, path = lenet
    info = hub.register_weights("lenet", path, description="three digits")
    assert info.is_local and len(info.sha256) == 64 and hub.weight_info("lenet") is info
    assert hub.get_weight_path("lenet") == path
    for made in (
        hub.get_model("lenet", pretrained=True, num_classes=3),
        hub.get_model("LeNet", weights="lenet", num_classes=3),
        hub.get_model("lenet", weights=path, num_classes=3),
        hub.load("lenet", num_classes=3),
        hub.load_pretrained(models.LeNet(3), "lenet"),
    ):
        assert same(made, model)
    assert not hub.load("lenet", num_classes=3).training
    assert hub.list_pretrained() == ["lenet"] == hub.list_pretrained("lenet")
    assert hub.model_info("lenet").weights == ("lenet",)
    with pytest.raises(RuntimeError, match=r"classifier\.4\.weight: the module has shape \(10, 84\)"):
        hub.get_model("lenet", pretrained=True)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(hub.WeightsError, match="it has been changed"):
        hub.load_state_dict("lenet")
    path.unlink()
    assert hub.get_weight_path("lenet") is None
    with pytest.raises(hub.WeightsError, match="is gone"):
        hub.load_state_dict("lenet")


def test_functions_of_models_take_registered_weights_and_files(tmp_path):
    model = models.squeezenet1_1(num_classes=2)
    pf.save(model, tmp_path / "w.pf")
    hub.register_weights("mine", tmp_path / "w.pf", model="squeezenet1_1")
    assert same(models.squeezenet1_1(weights="mine", num_classes=2), model)
    assert same(models.squeezenet1_1(weights=tmp_path / "w.pf", num_classes=2), model)
    assert hub.list_pretrained("squeezenet1_1") == ["mine"]


def test_a_remote_file_is_downloaded_once_and_again_when_it_is_damaged(server, lenet, cache, monkeypatch):
    model, path = lenet
    url, digest = server.add("/lenet.safetensors", path.read_bytes())
    hub.register_weights("lenet", url, sha256=digest)
    assert hub.get_weight_path("lenet") is None
    for _ in range(2):
        assert same(hub.get_model("lenet", pretrained=True, num_classes=3), model)
    assert len(server.requests) == 1
    here = hub.get_weight_path("lenet")
    assert here == cache / f"lenet-{digest[:16]}.safetensors"
    here.write_bytes(b"damaged")
    assert same(hub.get_model("lenet", pretrained=True, num_classes=3), model)
    assert len(server.requests) == 2
    hub.download_weights("lenet", force=True)
    assert len(server.requests) == 3
    monkeypatch.setenv("PYFLAME_OFFLINE", "1")
    assert same(hub.load("lenet", num_classes=3), model)  # what is in the cache needs no network
    assert hub.clear_cache("lenet") == len(path.read_bytes())
    with pytest.raises(hub.WeightsError, match="PYFLAME_OFFLINE is 1"):
        hub.load("lenet", num_classes=3)


def test_a_changed_remote_file_is_refused(server, lenet, cache):
    _, path = lenet
    url, digest = server.add("/lenet.safetensors", path.read_bytes())
    hub.register_weights("lenet", url, sha256=digest)
    server.add("/lenet.safetensors", b"something else")
    with pytest.raises(hub.WeightsError, match="expected is"):
        hub.load("lenet", num_classes=3)
    assert list(cache.glob("*")) == []


def test_the_cache_is_described_and_emptied(server, lenet, cache):
    assert hub.get_cache_dir() == cache
    assert hub.cache_info() == {"path": str(cache), "files": {}, "size": 0} and hub.clear_cache() == 0
    _, path = lenet
    content = path.read_bytes()
    url, digest = server.add("/lenet.safetensors", content)
    hub.register_weights("lenet", url, sha256=digest)
    hub.download_weights("lenet")
    assert hub.cache_info()["files"] == {f"lenet-{digest[:16]}.safetensors": len(content)}
    assert hub.clear_cache() == len(content) and hub.cache_info()["size"] == 0
    with pytest.raises(hub.WeightsError, match="no weights are registered as 'other'"):
        hub.clear_cache("other")


def test_files_of_pytorch_are_read_without_it(tmp_path):
    shutil.copy(TORCH / "views.pt", tmp_path / "views.pt")
    hub.register_weights("views", tmp_path / "views.pt")
    expected = np.load(TORCH / "values.npz")["views/transposed"]
    np.testing.assert_array_equal(hub.load_state_dict("views")["transposed"].numpy(), expected)
    hub.register_weights("training", TORCH / "training.pt")
    with pytest.raises(hub.WeightsError, match=r"holds a dict that is no dict of tensors; it has dicts under 'model'"):
        hub.load_state_dict("training")
    hub.register_weights("module", TORCH / "refused_module.pt")
    with pytest.raises(pf.SerializationError):
        hub.load_state_dict("module")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".x", "", "a\\b", "a b", "x" * 129, "ü"])
def test_names_of_weights_cannot_lead_out_of_the_cache(name, lenet):
    with pytest.raises(ValueError, match="cannot be a name"):
        hub.register_weights(name, lenet[1])


@given(st.text(st.sampled_from("a./\\\0~ ü:-_%\n"), max_size=8))
def test_whatever_is_taken_as_a_name_stays_in_its_folder(name):
    try:
        check_name("test", name)
    except ValueError:
        return
    folder = Path("/some/folder")
    assert Path(os.path.normpath(folder / name)).parent == folder and "\0" not in name


def test_wrong_registrations_are_told(lenet):
    _, path = lenet
    with pytest.raises(ValueError, match="has no hash: give the sha256"):
        hub.register_weights("x", "https://example.org/x.safetensors")
    for bad in ("", "abc", "g" * 64, "0" * 63):
        with pytest.raises(ValueError, match="expected 64 hexadecimal digits"):
            hub.register_weights("x", path, sha256=bad)
    with pytest.raises(FileNotFoundError):
        hub.register_weights("x", path.parent / "none.safetensors")
    hub.register_weights("x", path)
    with pytest.raises(ValueError, match="'x' is registered for"):
        hub.register_weights("x", path)
    assert hub.register_weights("x", path, overwrite=True, model="lenet").model == "lenet"
    hub.register_weights("y", path, sha256="0" * 64)
    with pytest.raises(hub.WeightsError, match="registered for 'y' is 000"):
        hub.load_state_dict("y")
    with pytest.raises(TypeError, match="name: expected a str, got int"):
        hub.register_weights(3, path)
