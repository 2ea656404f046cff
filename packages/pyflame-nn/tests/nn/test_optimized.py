import numpy as np
import pytest

import pyflame as pf
from pyflame import nn


def model_and_graph():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    model(pf.randn(16, 3))
    model.eval()
    return model, pf.trace(model, pf.ones(5, 3)).graph


def test_a_graph_runs_as_a_module_with_the_keys_of_the_model():
    model, graph = model_and_graph()
    fast, x = nn.OptimizedModule(graph), pf.randn(5, 3)
    assert not fast.training and not any(parameter.requires_grad for parameter in fast.parameters())
    assert set(fast.state_dict()) <= set(model.state_dict())
    assert {name for name, _ in model.named_parameters()} <= set(fast.state_dict())
    np.testing.assert_allclose(fast(x).numpy(), model(x).detach().numpy(), rtol=1e-6)


def test_state_dicts_and_weights_replace_values():
    model, graph = model_and_graph()
    other, _ = model_and_graph()
    x = pf.randn(5, 3)
    fast = nn.OptimizedModule(graph)
    wanted = {name: value for name, value in other.state_dict().items() if name in fast.state_dict()}
    fast.load_state_dict(wanted)
    np.testing.assert_allclose(fast(x).numpy(), other(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    given = nn.OptimizedModule(graph, wanted)
    np.testing.assert_array_equal(given(x).numpy(), fast(x).numpy())
    with pytest.raises(KeyError, match="no parameters nothing"):
        nn.OptimizedModule(graph, {"nothing": x})


def test_training_is_refused_unless_asked_for():
    model, graph = model_and_graph()
    with pytest.raises(RuntimeError, match="for evaluation"):
        nn.OptimizedModule(graph).train()
    trained, x = nn.OptimizedModule(graph, trainable=True).train(), pf.randn(5, 3)
    trained(x).sum().backward()
    model(x).sum().backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(
            trained.get_parameter(name).grad.numpy(), parameter.grad.numpy(), rtol=1e-4, atol=1e-6
        )


def test_passes_keep_what_it_computes():
    model, graph = model_and_graph()
    x = pf.randn(5, 3)
    fast = nn.OptimizedModule(pf.optimize.fold_batch_norm(graph))
    np.testing.assert_allclose(fast(x).numpy(), model(x).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_another_shape_is_refused():
    _, graph = model_and_graph()
    with pytest.raises(pf.GraphError, match="holds for the types"):
        nn.OptimizedModule(graph)(pf.ones(4, 3))
