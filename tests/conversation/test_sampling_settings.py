"""The settings: neutral values change nothing, old ones still load, and what overrides what is said."""

from __future__ import annotations

import json

import pytest

from chatapp.conversation.message import Provenance
from chatapp.conversation.sampling import (
    ALL_SETTINGS,
    DEFAULT_CHAIN,
    NEUTRAL,
    PRESETS,
    SamplingSettings,
    Setting,
    TextSetting,
    active,
    checked,
    overridden,
    resolve,
)

NOTHING = SamplingSettings(**NEUTRAL)


def test_neutral_settings_leave_no_sampler_to_act():
    assert active(NOTHING) == ()
    assert set(NEUTRAL) <= set(SamplingSettings.model_fields)


def test_every_setting_has_a_control_with_a_worked_help():
    assert {control.name for control in ALL_SETTINGS} == set(SamplingSettings.model_fields)
    for control in ALL_SETTINGS:
        value = getattr(SamplingSettings(), control.name)
        if isinstance(control, Setting):
            assert len(control.explain(value)) > 20
            assert checked(control.name, control.neutral) == control.neutral
            assert control.format(control.low if control.slides else 1)
        else:
            assert control.help
            assert control.read(control.show(value)) == value
            assert control.format(control.neutral) == control.none


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"typical_p": 0.9}, ("typical_p",)),
        ({"xtc_probability": 0.5, "xtc_threshold": 0.6}, ()),
        ({"dry_multiplier": 0.8, "dry_last_n": 0}, ()),
        ({"presence_penalty": 0.1}, ("penalties",)),
        ({"presence_penalty": 0.1, "repeat_last_n": 0}, ()),
        ({"top_k": 5, "mirostat": 2, "temperature": 0.7}, ("temperature", "mirostat")),
        ({"top_k": 5, "adaptive_target": 0.3}, ("top_k", "adaptive_p")),
        ({"banned_words": ("x",), "top_k": 5}, ("bias", "top_k")),
        ({"temperature": 0.0, "mirostat": 2, "top_k": 5}, ("top_k", "temperature")),
        ({"top_k": 5, "top_p": 0.9, "chain": ("top_p", "top_k")}, ("top_p", "top_k")),
    ],
)
def test_the_samplers_that_act_stand_in_the_order_of_the_chain(changes, names):
    assert active(SamplingSettings(**{**NEUTRAL, **changes})) == names


def test_what_is_overridden_says_by_what():
    assert overridden(SamplingSettings(mirostat=2))["top_p"] == "mirostat"
    assert overridden(SamplingSettings(temperature=0))["top_k"] == "temperature 0"
    assert "top_k" not in overridden(SamplingSettings(temperature=0, typical_p=0.5))
    assert overridden(SamplingSettings())["xtc_threshold"] == "XTC 0"
    assert overridden(SamplingSettings(json_schema="{}"))["grammar"] == "JSON schema"


def test_a_chain_is_completed_and_never_holds_a_sampler_twice():
    assert SamplingSettings(chain=("min_p", "top_k")).chain[:2] == ("min_p", "top_k")
    assert set(SamplingSettings(chain=("min_p",)).chain) == set(DEFAULT_CHAIN)
    with pytest.raises(ValueError, match="each at most once"):
        checked("chain", ("top_k", "top_k"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("grammar", "root ::= x", "‘grammar’: line 1, column 10"),
        ("json_schema", "{", "‘json_schema’: line 1"),
        ("logit_bias", ((5, 101.0),), "a number from -100 to 100"),
        ("banned_words", ("",), "none of them empty"),
        ("mirostat", 3, "must be 0 to 2"),
        ("typical_p", 1.5, "must be 0 to 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(name, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        checked(name, value)


def test_replies_of_earlier_versions_still_load():
    old = {
        "segments": [
            {"from_token": 0, "seed": 3, "settings": {"temperature": 0.5, "top_k": 7, "stop": ["x"], "seed": 3}}
        ]
    }
    segment = Provenance.model_validate_json(json.dumps(old)).segments[0]
    assert segment.settings == SamplingSettings(temperature=0.5, top_k=7, stop=("x",), seed=3)


def test_every_preset_is_in_range_and_has_a_purpose():
    for preset in PRESETS:
        assert resolve(preset).settings
        assert preset.purpose
    assert {"N-sigma", "Brainstorm"} <= {preset.name for preset in PRESETS}
    assert sum(isinstance(control, TextSetting) for control in ALL_SETTINGS) == 7
