"""Array conversions under the names that host scripts import."""

from pyflame.csl.host.sdk_utils import (
    calculate_cycles as calculate_cycles,
    cast_uint32 as cast_uint32,
    float_to_hex as float_to_hex,
    get_api_info_dict as get_api_info_dict,
    get_api_info_dict_from_json as get_api_info_dict_from_json,
    input_array_to_u32 as input_array_to_u32,
    make_u48 as make_u48,
    memcpy_view as memcpy_view,
    sub_ts as sub_ts,
)
