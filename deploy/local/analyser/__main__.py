"""`python -m deploy.local.analyser FOLDER` compiles the module there, in a process that gives the memory back."""

import os
import sys
from pathlib import Path

from deploy.local.analyser.module import compile_module

os.nice(10)  # it takes every processor for some ten seconds
compile_module(Path(sys.argv[1]))
