"""The names of the queues that workers take tasks from: by what a machine must have to run them."""

from __future__ import annotations

#: Any machine: x264, sound and subtitles.
CPU_QUEUE = "encode.cpu"

#: Machines with an NVIDIA card that encodes.
NVENC_QUEUE = "encode.nvenc"

WORKER_QUEUES = (CPU_QUEUE, NVENC_QUEUE)
