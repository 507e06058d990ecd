"""Every setting of every stage, how settings are overridden, and how YAML becomes a record."""

from anytasktune.settings.sections import (
    SYSTEMS,
    TASK_LMS,
    Augmentation,
    BuildConfig,
    DType,
    EvalConfig,
    GateConfig,
    IngestConfig,
    InputSource,
    SplitConfig,
    SynthesisConfig,
    System,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "BuildConfig",
    "DType",
    "Augmentation",
    "EvalConfig",
    "GateConfig",
    "IngestConfig",
    "SYSTEMS",
    "SplitConfig",
    "InputSource",
    "SynthesisConfig",
    "System",
    "TASK_LMS",
    "TeacherConfig",
    "TrainConfig",
]
