"""Devices that compute: CPU, CUDA (NVIDIA and AMD GPUs) and MPS (Apple GPUs)."""

import torch


def synchronise(device: torch.device) -> None:
    """Wait until a device has computed what it was given; a GPU works behind the program, a CPU does not."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def release_memory() -> None:
    """Give memory that PyTorch keeps for later back to the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
