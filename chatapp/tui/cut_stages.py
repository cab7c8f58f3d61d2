"""The stages of the sampler chain as the cut view has them: their order, their names, and what turns each."""

from __future__ import annotations

from chatapp.conversation.sampling import (
    SamplingSettings,
    Setting,
    active,
    control_named,
    overridden,
)

LABELS = {
    "logits": "softmax",
    "bias": "bias",
    "penalties": "penalties",
    "dry": "DRY",
    "top_n_sigma": "n-sigma",
    "top_k": "top-k",
    "typical_p": "typical-p",
    "top_p": "top-p",
    "min_p": "min-p",
    "xtc": "XTC",
    "temperature": "temp",
    "mirostat": "mirostat",
    "adaptive_p": "adaptive-p",
}
_KNOBS: dict[str, str] = {
    "dry": "dry_multiplier",
    "xtc": "xtc_probability",
    "adaptive_p": "adaptive_target",
    **{name: name for name in ("top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "temperature")},
}


def choices(settings: SamplingSettings) -> tuple[str, ...]:
    """All stages that can be turned: those that act as their columns stand, then those that do not."""
    acts = tuple(stage for stage in active(settings) if knob(stage, settings))
    return (*acts, *(stage for stage, _ in idle(settings)))


def knob(stage: str, settings: SamplingSettings) -> Setting | None:
    """The setting that turns a stage; none for the plain softmax, and for biases, which are texts."""
    if stage == "penalties":
        acting = (one for one in ("presence_penalty", "frequency_penalty") if getattr(settings, one))
        name = "repeat_penalty" if settings.repeat_penalty != 1 else next(acting, "repeat_penalty")
    elif stage == "mirostat":
        name = "mirostat_tau" if settings.mirostat else "mirostat"
    else:
        name = _KNOBS.get(stage, "")
    control = control_named(name) if name else None
    return control if isinstance(control, Setting) else None


def value(stage: str, settings: SamplingSettings) -> str:
    """What a stage is set to, as people read it."""
    setting = knob(stage, settings)
    return setting.format(getattr(settings, setting.name)) if setting else ""


def idle(settings: SamplingSettings) -> list[tuple[str, str]]:
    """The stages that do nothing with these settings, in order, each with why: `off`, or what overrides it."""
    acts, by = active(settings), overridden(settings)
    stages: list[tuple[str, str]] = []
    for stage in (*settings.chain, "mirostat", "adaptive_p"):
        if stage in acts:
            continue
        setting = knob(stage, settings)
        neutral = setting is None or getattr(settings, setting.name) == setting.neutral
        stages.append((stage, "off" if neutral else by.get(setting.name, "off") if setting else "off"))
    return stages
