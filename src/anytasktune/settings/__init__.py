"""Every setting of every stage, how settings are overridden, and how YAML is read and edited."""

from anytasktune.settings.sections import (
    Augmentation,
    DocumentsConfig,
    DType,
    EvalConfig,
    GateConfig,
    InputSource,
    ModelPrices,
    RouterConfig,
    Settings,
    SplitConfig,
    SynthesisConfig,
    TeacherConfig,
    TrainConfig,
)
from anytasktune.settings.systems import OWN_SYSTEMS, SIMPLE, TASK_LMS, OwnSystem, System

__all__ = [
    "DType",
    "DocumentsConfig",
    "Augmentation",
    "EvalConfig",
    "GateConfig",
    "OWN_SYSTEMS",
    "OwnSystem",
    "SIMPLE",
    "Settings",
    "SplitConfig",
    "InputSource",
    "ModelPrices",
    "RouterConfig",
    "SynthesisConfig",
    "System",
    "TASK_LMS",
    "TeacherConfig",
    "TrainConfig",
]
