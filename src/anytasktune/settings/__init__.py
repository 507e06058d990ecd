"""Every setting of every stage, how settings are overridden, and how YAML is read and edited."""

from anytasktune.settings.sections import (
    SIMPLE,
    SYSTEMS,
    TASK_LMS,
    Augmentation,
    DocumentsConfig,
    DType,
    EvalConfig,
    GateConfig,
    InputSource,
    Settings,
    SplitConfig,
    SynthesisConfig,
    System,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "DType",
    "DocumentsConfig",
    "Augmentation",
    "EvalConfig",
    "GateConfig",
    "SIMPLE",
    "SYSTEMS",
    "Settings",
    "SplitConfig",
    "InputSource",
    "SynthesisConfig",
    "System",
    "TASK_LMS",
    "TeacherConfig",
    "TrainConfig",
]
