"""Models by name, and weights from files and addresses that are checked before they are used."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .cache import (
    CacheInfo as CacheInfo,
    cache_info as cache_info,
    clear_cache as clear_cache,
    get_cache_dir as get_cache_dir,
)
from .download import download_file as download_file, load_state_dict_from_url as load_state_dict_from_url
from .errors import WeightsError as WeightsError
from .models import (
    get_model as get_model,
    list_models as list_models,
    load as load,
    model_info as model_info,
    register_model as register_model,
    unregister_model as unregister_model,
)
from .registry import ModelInfo as ModelInfo, ModelRegistry as ModelRegistry
from .weights import (
    WeightInfo as WeightInfo,
    download_weights as download_weights,
    get_weight_path as get_weight_path,
    list_pretrained as list_pretrained,
    load_pretrained as load_pretrained,
    load_state_dict as load_state_dict,
    register_weights as register_weights,
    unregister_weights as unregister_weights,
    weight_info as weight_info,
)
