"""The copy of decoded planes, and what OpenCV takes for it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("alone", [False, True])
def test_opencv_keeps_no_threads_of_its_own_once_it_computes_alone(alone: bool) -> None:
    """Its pool has as many threads as the machine has cores, and spins."""
    code = f"""
import os
import cv2
import numpy as np
from agent.masking import compute_alone
cv2.setNumThreads(4)
{"compute_alone()" if alone else ""}
before = len(os.listdir("/proc/self/task"))
cv2.blur(np.zeros((2000, 2000), np.uint8), (9, 9))
cv2.resize(np.zeros((2000, 2000), np.uint8), (999, 999), interpolation=cv2.INTER_AREA)
print(len(os.listdir("/proc/self/task")) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (int(done.stdout) == 0) is alone
