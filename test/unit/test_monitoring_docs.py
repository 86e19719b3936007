# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""docs/monitoring.md and what is beside it: metrics that are there, and files that can be used."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from pi_webrtc_streamer.telemetry.metrics import PREFIX
from support.metrics import every_family

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "monitoring.md").read_text()
ALERTS = DOCS / "monitoring" / "alerts.yml"
DASHBOARD = json.loads((DOCS / "monitoring" / "grafana.json").read_text())
ROW = re.compile(r"^\| (`.+`) \| (gauge|counter) \| ([a-z, ]*?) ?\| (.+) \|$", re.MULTILINE)
NAME = re.compile(rf"\b(?:{PREFIX}|process_)\w+")
LABELS = re.compile(r"([\w]+)\s*(?:=~|!~|!=|=)\s*\"|\b(?:by|on) \(([\w, ]+)\)")
OF_PROMETHEUS = {"job", "instance"}


def exported() -> dict[str, tuple[str, set[str]]]:
    """Return the type and the labels of each sample's name."""
    process = ProcessCollector(registry=CollectorRegistry()).collect()
    return {
        sample.name: (family.type, set(sample.labels))
        for family in (*every_family(), *process)
        for sample in family.samples
    }


EXPORTED = exported()


def expressions() -> list[str]:
    """Return what dashboard and alerts ask Prometheus for."""
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    variables = [each["query"] for each in DASHBOARD["templating"]["list"]]
    queries += [query["query"] for query in variables if isinstance(query, dict)]
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return queries + [rule["expr"] for rule in group["rules"]]


def test_the_page_lists_every_metric_and_no_other():
    listed = {
        PREFIX + name: (kind, set(filter(None, labels.split(", "))))
        for names, kind, labels, _ in ROW.findall(PAGE)
        for name in re.findall(r"`(\w+)`", names)
    }
    ours = {name: about for name, about in EXPORTED.items() if name.startswith(PREFIX)}
    assert listed == ours
    assert {name for name in EXPORTED if name not in ours} <= set(NAME.findall(PAGE))


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_for_is_exported(expression):
    names = NAME.findall(expression) or re.findall(r"\bup\b", expression)
    assert names
    labels = {"camera", *OF_PROMETHEUS} if names == ["up"] else set(OF_PROMETHEUS)
    for name in names:
        if name != "up":
            labels |= EXPORTED[name][1]
    asked = {
        label.strip()
        for one, several in LABELS.findall(expression)
        for label in (one or several).split(",")
    }
    assert asked <= labels
    counters = [name for name in names if name.endswith("_total")]
    assert len(re.findall(r"\b(?:rate|increase)\(", expression)) == len(counters)


def test_all_that_the_page_names_is_exported():
    for text in (PAGE, ALERTS.read_text(), json.dumps(DASHBOARD)):
        assert set(NAME.findall(text)) <= {*EXPORTED, PREFIX.rstrip("_"), PREFIX}


def test_every_panel_takes_the_data_source_that_was_chosen():
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    for panel in panels:
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= {*variables, "__rate_interval"}
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            labels = set.union(*(EXPORTED[name][1] for name in NAME.findall(target["expr"])))
            assert shown <= labels | OF_PROMETHEUS
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def scrape_config() -> str:
    """Return the one configuration on the page."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return text


def test_the_alerts_are_of_the_job_on_the_page():
    (job,) = yaml.safe_load(scrape_config())["scrape_configs"]
    assert set(job["authorization"]) == {"credentials_file"}
    asked = {name for each in expressions() for name in re.findall(r'job="(\w+)"', each)}
    assert asked == {job["job_name"]}


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus' own checker is not there")
def test_prometheus_own_checker_takes_the_files(tmp_path):
    token, path = tmp_path / "token", tmp_path / "prometheus.yml"
    token.touch()
    path.write_text(scrape_config().replace("/etc/prometheus/robot-token", str(token)))
    for what, file in (("config", path), ("rules", ALERTS)):
        subprocess.run(["promtool", "check", what, file], check=True, timeout=60)
