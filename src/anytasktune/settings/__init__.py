"""Every setting of every stage, how settings are overridden, and how YAML becomes a record."""

from anytasktune.settings.sections import (
    SYSTEMS,
    TASK_LMS,
    BuildConfig,
    DType,
    Enhancement,
    EvalConfig,
    GateConfig,
    IngestConfig,
    SplitConfig,
    Synthesis,
    SynthesisConfig,
    System,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "BuildConfig",
    "DType",
    "Enhancement",
    "EvalConfig",
    "GateConfig",
    "IngestConfig",
    "SYSTEMS",
    "SplitConfig",
    "Synthesis",
    "SynthesisConfig",
    "System",
    "TASK_LMS",
    "TeacherConfig",
    "TrainConfig",
]
