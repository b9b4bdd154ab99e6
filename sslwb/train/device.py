"""What this machine can do: device, precision, cores. Chosen by a numeric check, never by a stopwatch."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from pathlib import Path

import torch
from torch import Tensor, nn

PRECISIONS = ("fp32", "bf16")
MIB = 2**20


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """ "auto" → cuda, else mps where it computes rightly, else cpu; anything else is taken at its word.

    Raises:
        ValueError: a device that torch does not know, or that is not in this machine.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available() and _agrees(torch.device("mps"), torch.float32, 1e-3):
            return torch.device("mps")
        return torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except Exception as error:
        raise ValueError(
            f"device is {str(device)!r}, which does not work here ({str(error).splitlines()[0]}); "
            'expected "auto", "cpu", or a GPU of this machine such as "cuda"'
        ) from error
    return chosen


def resolve_precision(precision: str = "auto", device: torch.device | None = None) -> str:
    """ "auto" → "bf16" where the processor computes in it and a small net agrees with fp32, else "fp32".

    Raises:
        ValueError: anything but "auto", "fp32" and "bf16".
    """
    if precision in PRECISIONS:
        return precision
    if precision != "auto":
        raise ValueError(f'precision is {precision!r}; expected "auto", "fp32" or "bf16"')
    device = device or torch.device("cpu")
    fast = {"cuda": _cuda_has_bf16, "cpu": _cpu_has_bf16}.get(device.type, lambda: False)
    return "bf16" if fast() and _agrees(device, torch.bfloat16, 0.05) else "fp32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a net runs at this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def granted_cores() -> int:
    """How many cores this process may really use: the smaller of its affinity and its container's quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(cores, int(quota) if quota else cores))


def use_granted_cores() -> None:
    """Lower torch's threads to the granted cores: more threads than cores is many times slower. Never raises them."""
    if torch.get_num_threads() > granted_cores():
        torch.set_num_threads(granted_cores())


def keep_freed_memory() -> None:
    """Let the C library keep what a step frees for the next one, up to 64 MiB. Does nothing where it is not glibc.

    Left alone, glibc hands it back to the system after each step and asks for it anew: 2,000 page faults a step of a
    lesson's size, a sixth of its time. The numbers of its settings are those of malloc.h.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 32 * MIB)  # M_MMAP_THRESHOLD: from what size on a piece is the system's; this is the most
        libc.mallopt(-1, 64 * MIB)  # M_TRIM_THRESHOLD: how much may stay unused


def _cgroup_quota(root: Path) -> float | None:
    """Cores by the container's quota, cgroup v2 then v1; None where there is none."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((root / "cpu/cpu.cfs_quota_us").read_text())
        return None if quota_us <= 0 else quota_us / int((root / "cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None


def _cuda_has_bf16() -> bool:
    return torch.cuda.get_device_capability()[0] >= 8


def _cpu_has_bf16() -> bool:
    # The instructions, not an emulation of them. /proc is Linux; elsewhere fp32 is the safe choice.
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


@functools.cache
def _agrees(device: torch.device, dtype: torch.dtype, tolerance: float) -> bool:
    """Whether a convolution, a norm and a product, forward and backward, agree with the CPU's fp32.

    Some releases of torch computed bf16 convolutions wrongly on some processors (pytorch issues 163347, 146508).
    """

    @torch.inference_mode(False)
    @torch.enable_grad()  # the first caller may be embedding, where no gradient is kept
    def gradients(device: torch.device, dtype: torch.dtype) -> list[Tensor]:
        g = torch.Generator().manual_seed(0)
        x = torch.randn(16, 8, 12, 12, generator=g, dtype=torch.float32)
        weights = [torch.randn(*shape, generator=g, dtype=torch.float32) for shape in ((16, 8, 3, 3), (32, 16))]
        weights = [weights[0] / 8, weights[1] / 4]
        ws = [w.to(device).requires_grad_() for w in weights]
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            picture = x.to(device).contiguous(memory_format=torch.channels_last)
            h = nn.functional.conv2d(picture, ws[0], stride=2, padding=1).relu().mean((2, 3))
            out = nn.functional.linear(h, ws[1]).float()
        out.square().sum().backward()
        return [out.detach().cpu(), *[w.grad.cpu() for w in ws if w.grad is not None]]

    try:
        pairs = zip(gradients(device, dtype), gradients(torch.device("cpu"), torch.float32), strict=True)
        return all(bool((a - b).norm() <= tolerance * b.norm()) for a, b in pairs)
    except RuntimeError:
        return False
