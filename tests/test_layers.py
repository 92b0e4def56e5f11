"""The rule of dependency: pages -> pages.parts -> fmnist_core, and each heavy library in its one place."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VIEW = {"streamlit", "plotly"}
QUEUE = {"dask", "distributed"}
KNOW_DASK = {"fmnist_core/jobs.py", "fmnist_core/in_worker.py"}
NETWORK = {"tensorflow", "keras"}


@dataclass(frozen=True)
class Import:
    """One imported module: its full name, the line, and whether it is imported only when a function runs."""

    module: str
    line: int
    in_function: bool

    @property
    def library(self) -> str:
        return self.module.partition(".")[0]


def imports_of(path: str, source: str) -> list[Import]:
    """Every import of a file, also `import_module("name")`; what is only for type checkers does not count."""
    package = path.removesuffix(".py").split("/")[:-1]
    found: list[Import] = []

    def visit(node: ast.AST, in_function: bool) -> None:
        names: list[str] = []
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for branch in node.orelse:
                    visit(branch, in_function)
                return
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom():
                base = package[: len(package) - node.level + 1] if node.level else []
                parent = ".".join([*base, *([node.module] if node.module else [])])
                names = [f"{parent}.{alias.name}" for alias in node.names]
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                names = [name]
        line = getattr(node, "lineno", 0)
        found.extend(Import(name, line, in_function) for name in names)
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), in_function=False)
    return found


def faults_of(path: str, source: str) -> list[str]:
    """What in this file breaks the rule, as sentences; `path` is relative to the project's root."""
    return [f"{path}:{item.line} {fault}" for item in imports_of(path, source) if (fault := _fault(path, item))]


def _fault(path: str, item: Import) -> str | None:
    if path.startswith("fmnist_core/"):
        return _fault_in_engine(path, item)
    if item.library in NETWORK:
        return f"imports {item.module}: Keras never comes into the server's process"
    if item.library in QUEUE:
        return f"imports {item.module}: only fmnist_core's jobs and in_worker know Dask"
    if item.library == "dashboard":
        return f"imports {item.module}: nothing imports the server"
    if item.library == "pages" and not _is_part(item.module):
        return f"imports {item.module}: of pages/ only pages.parts may be imported"
    return None


def _fault_in_engine(path: str, item: Import) -> str | None:
    if item.library in VIEW:
        return f"imports {item.module}: the engine knows no view"
    if item.library in {"pages", "dashboard", "tests", "benchmarks"}:
        return f"imports {item.module}: the engine knows nothing above it"
    if item.library in QUEUE and path not in KNOW_DASK:
        return f"imports {item.module}: only fmnist_core's jobs and in_worker know Dask"
    if item.library in NETWORK:
        if path != "fmnist_core/network.py" and not path.startswith("fmnist_core/network/"):
            return f"imports {item.module}: only fmnist_core/network knows Keras"
        if not item.in_function:
            return f"imports {item.module} at its top: Keras is imported inside functions"
    return None


def _is_part(module: str) -> bool:
    return module == "pages.parts" or module.startswith("pages.parts.")


def project_files() -> list[str]:
    folders = ("fmnist_core", "pages")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in [*files, ROOT / "dashboard.py"] if path.exists())


def test_no_file_breaks_the_rule():
    files = project_files()
    assert {"fmnist_core/dataset.py", "fmnist_core/network.py", *KNOW_DASK} <= set(files)
    assert {"pages/frame.py", "pages/parts/engine.py", "dashboard.py"} <= set(files)
    faults = [fault for file in files for fault in faults_of(file, (ROOT / file).read_text())]
    assert not faults, "\n".join(faults)


def test_the_heavy_libraries_are_where_they_belong():
    """So that the test above is about something: each is really imported in its one place."""

    def libraries(file):
        return {item.library for item in imports_of(file, (ROOT / file).read_text())}

    assert libraries("fmnist_core/network.py") & NETWORK
    assert all(libraries(file) & QUEUE for file in KNOW_DASK)
    assert "streamlit" in libraries("pages/frame.py")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fmnist_core/dataset.py", "import streamlit as st"),
        ("fmnist_core/dataset.py", "from streamlit.runtime import get_instance"),
        ("fmnist_core/dataset.py", "def draw():\n    import plotly.graph_objects as go"),
        ("fmnist_core/dataset.py", "try:\n    import plotly\nexcept ImportError:\n    plotly = None"),
        ("fmnist_core/dataset.py", "import importlib\nimportlib.import_module('plotly.express')"),
        ("fmnist_core/dataset.py", "view = __import__('streamlit')"),
        ("fmnist_core/dataset.py", "from pages.parts import gallery"),
        ("fmnist_core/dataset.py", "from ..pages import explorer"),
        ("fmnist_core/runs.py", "from distributed import Client"),
        ("fmnist_core/runs.py", "def run():\n    import dask"),
        ("fmnist_core/own_worker.py", "import dask"),
        ("fmnist_core/jobs.py", "def run():\n    import keras"),
        ("fmnist_core/in_worker.py", "import tensorflow"),
        ("fmnist_core/baseline.py", "from tensorflow import keras"),
        ("fmnist_core/network.py", "import keras"),
        ("fmnist_core/network.py", "class Callback:\n    from keras.callbacks import Callback"),
        (
            "fmnist_core/network.py",
            "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import keras",
        ),
        (
            "fmnist_core/network.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import keras",
        ),
        ("fmnist_core/network/__init__.py", "import tensorflow as tf"),
        ("fmnist_core/parts/deep.py", "from .. import x\nimport plotly"),
        ("pages/network.py", "from pages import frame"),
        ("pages/network.py", "from pages.explorer import strip"),
        ("pages/network.py", "from . import frame"),
        ("pages/network.py", "from .explorer import strip"),
        ("pages/network.py", "import pages.frame"),
        ("pages/network.py", "def train():\n    import keras"),
        ("pages/network.py", "from distributed import Client"),
        ("pages/network.py", "import dashboard"),
        ("pages/parts/curves.py", "from pages import network"),
        ("pages/parts/curves.py", "from .. import network"),
        ("pages/parts/curves.py", "from ..network import page"),
        ("pages/parts/curves.py", "import tensorflow"),
        ("dashboard.py", "from pages import frame"),
        ("dashboard.py", "import tensorflow"),
    ],
)
def test_the_checker_sees_each_kind_of_fault(path, source):
    assert len(faults_of(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fmnist_core/network.py", "def build():\n    import keras\n    from tensorflow import data"),
        ("fmnist_core/network/build.py", "class A:\n    def build(self):\n        import keras"),
        ("fmnist_core/network.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras"),
        ("fmnist_core/jobs.py", "import dask\nfrom distributed import Client, LocalCluster"),
        ("fmnist_core/in_worker.py", "from distributed import WorkerPlugin"),
        ("fmnist_core/runs.py", "import json\nfrom fmnist_core.settings import NetworkSettings"),
        ("fmnist_core/runs.py", "from .settings import NetworkSettings\nfrom . import errors"),
        ("pages/network.py", "import streamlit as st\nfrom pages.parts import curves\nimport fmnist_core"),
        ("pages/network.py", "from pages.parts.curves import draw\nfrom .parts import gallery"),
        (
            "pages/parts/curves.py",
            "import plotly.graph_objects as go\nfrom . import theme\nimport pages.parts.x",
        ),
        (
            "dashboard.py",
            "import streamlit as st\nfrom pages.parts import engine\nfrom fmnist_core import jobs",
        ),
    ],
)
def test_the_checker_lets_pass_what_is_allowed(path, source):
    assert faults_of(path, source) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import fmnist_core",
        "from fmnist_core import load_dataset, BaselineSettings, NetworkSettings, RunStore, evaluate",
    ],
)
def test_importing_the_engine_loads_nothing_heavy(statement):
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    loaded = set(answer.stdout.split())
    assert "fmnist_core" in loaded
    assert not loaded & (VIEW | QUEUE | NETWORK)
