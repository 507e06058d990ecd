"""The engine: batches, prefix sharing, the LoRA loop, presets."""
