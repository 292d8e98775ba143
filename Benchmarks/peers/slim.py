"""onnxslim with its defaults, as a process: MODEL OUT."""

import sys

import onnxslim

if __name__ == "__main__":
    onnxslim.slim(sys.argv[1], sys.argv[2])
