# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's folder can be deleted, with the lines that register it: the rest goes on.

The lines are all here; docs/architecture.md names their files. In a copy of the repository they are
taken away, or replaced by what stands below them, and what is left is checked and tested.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "pi_webrtc_streamer"
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
ITS_OWN = (
    f"{PACKAGE}/predecessor",
    "fuzz/predecessor_targets.py",
    "fuzz/corpus/config_toml",
    "fuzz/corpus/signalling",
    *(f"test/{folder}/predecessor" for folder in ("browser", "nodes", "support", "unit")),
)
Lines = list[tuple[str, str]]

NODE: Lines = [
    ("from .predecessor.ports import PredecessorPorts\n", ""),
    ("from .predecessor.settings import PredecessorSettings as Settings\n", ""),
    (
        "from .predecessor.settings import settings_of_camera\n",
        "from .settings.bridge import BridgeSettings as Settings\n"
        "from .settings.bridge import settings_of_camera\n",
    ),
    ("        self._predecessor = PredecessorPorts(self, owned, settings)\n", ""),
    ("            self._predecessor.listen()\n", ""),
    ("        foreign = self._predecessor.interface(self._bridge)\n", ""),
    ("make_app(self._bridge, access, foreign)", "make_app(self._bridge, access)"),
    ("        self._predecessor.serve(self._bridge, access, serve)\n", ""),
]
COMMAND: Lines = [
    ("from .predecessor import command as predecessor\n", ""),
    ("    *predecessor.FOR_BRIDGE,\n", ""),
    ("    *predecessor.NO_PARAMETERS,\n", ""),
    ("    predecessor.add_options(parser, both)\n", ""),
    ("    given = predecessor.given(options)\n", ""),
    ("read_config(options.config, given)", "read_config(options.config)"),
    (" | predecessor.for_bridge(options, config)", ""),
]
READER: Lines = [
    ("from ..predecessor.config.given import Given\n", ""),
    ("from ..predecessor.config.reading import is_toml, read_toml\n", ""),
    (", given: Given | None = None, *, toml: bool = False", ""),
    ("    if toml or is_toml(text, path):\n        return read_toml(text, path, given)\n", ""),
]
ONE = 'config = arguments.get("config", DEFAULT_CONFIG)'
LAUNCH: Lines = [
    ("import os\n", ""),
    ("from .predecessor.config.given import Given\n", ""),
    ("from .predecessor.settings import PredecessorSettings\n", ""),
    ("settings_of(PredecessorSettings)", "settings_of(BridgeSettings)"),
    (", given_to_toml(arguments), toml=toml is not None", ""),
    ("read_config(toml or config)", "read_config(config)"),
    (
        'config, toml = arguments.get("config", DEFAULT_CONFIG), arguments.get("config_toml")',
        ONE,
    ),
]
FUZZ: Lines = [
    ("from .predecessor_targets import config_toml, messages, signalling, tomls\n", ""),
    ('    "config_toml": Target(config_toml, tomls),\n', ""),
    ('    "signalling": Target(signalling, messages),\n', ""),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository without the predecessor."""
    folder = tmp_path_factory.mktemp("without") / "repository"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    for name in ITS_OWN:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    change(folder / PACKAGE / "bridge_node.py", NODE)
    change(folder / PACKAGE / "cli.py", COMMAND)
    change(folder / PACKAGE / "settings" / "config_file.py", READER)
    launch = folder / PACKAGE / "launching.py"
    change(launch, LAUNCH)
    cut(launch, '    DeclareLaunchArgument(\n        "config_toml"', "    DeclareLaunchArgument(\n")
    cut(launch, '    if os.environ.get("PI_IP")', "    return arguments\n")
    cut(launch, "    if toml is not None", "    return read_config")
    cut(launch, "def given_to_toml", "def chosen_cameras")
    change(folder / "fuzz" / "targets.py", FUZZ)
    # At the end of a section, and with nothing behind it but another example.
    sample = folder / "config" / "streamer.yaml"
    cut(sample, "    # For the predecessor's clients:\n", "\n# Two cameras")
    settings = folder / "pyproject.toml"
    change(settings, [('    "predecessor",\n', ""), (f'    "{PACKAGE}.predecessor",\n', "")])
    cut(settings, "# The reader of configuration files hands", "\n[[tool.importlinter")
    cut(settings, '[[tool.importlinter.contracts]]\nname = "Only the nodes, the command', "[[tool")
    return folder


def change(path: Path, lines: Lines) -> None:
    text = path.read_text()
    for old, new in lines:
        assert text.count(old) == 1, f"{path.name} has changed: {old}"
        text = text.replace(old, new)
    path.write_text(text)


def cut(path: Path, begin: str, end: str) -> None:
    text = path.read_text()
    before, found, after = text.partition(begin)
    assert found, f"{path.name} has changed: {begin}"
    _, found, kept = after.partition(end)
    assert found, f"{path.name} has changed: {end}"
    path.write_text(before + end + kept)


def run(copy: Path, *command: str) -> None:
    """Run a program of the environment in the copy, whose package comes first."""
    program = Path(sys.executable).with_name(command[0])
    outcome = subprocess.run(
        [program, *command[1:]],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout[-5000:] + outcome.stderr[-5000:]


def test_nothing_is_left_that_names_it_in_code(copy):
    """Help texts and comments may: whoever deletes it finds them."""
    for folder in (PACKAGE, "launch", "fuzz"):
        for path in (copy / folder).rglob("*.py"):
            code = [line for line in path.read_text().splitlines() if "import" in line]
            assert not [line for line in code if "predecessor" in line], path


@pytest.mark.parametrize(
    "check", [("ruff", "check", "--select=F", "."), ("mypy",), ("lint-imports", "--no-logo")]
)
def test_the_checks_pass(copy, check):
    run(copy, *check)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tests",
    [
        ["test/unit"],
        ["test/nodes/test_bridge_node.py", "test/nodes/test_cli.py", "test/nodes/test_routes.py"],
        ["test/nodes/test_admission.py", "test/nodes/test_broken_steps.py", "-k", "not wait"],
    ],
    ids=["unit", "nodes", "steps"],
)
@pytest.mark.timeout(400)
def test_the_other_tests_pass(copy, tests):
    run(copy, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
