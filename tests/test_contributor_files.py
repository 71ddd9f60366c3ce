"""What the files for contributors say, compared with what is there."""

import ast
import re
import tomllib

import pytest
import yaml

import dermbench


def read_yaml(project_root, name):
    return yaml.safe_load((project_root / name).read_text(encoding="utf-8"))


def read_project(project_root):
    return tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def sessions(project_root):
    tree = ast.parse((project_root / "noxfile.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}


def test_hooks_run_the_pinned_versions(project_root):
    pins = (project_root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    (repository,) = read_yaml(project_root, ".pre-commit-config.yaml")["repos"]
    wanted = {name for hook in repository["hooks"] for name in hook["additional_dependencies"]}
    assert repository["repo"] == "local"
    assert len(wanted) == 3
    assert wanted <= set(pins)


def test_the_citation_is_of_this_version(project_root):
    citation = read_yaml(project_root, "CITATION.cff")
    assert citation["version"] == dermbench.__version__
    assert citation["license"] == read_project(project_root)["license"]


def test_the_workflow_runs_the_checks_on_every_declared_python(project_root):
    jobs = read_yaml(project_root, ".github/workflows/checks.yml")["jobs"]
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(read_project(project_root)["classifiers"]))
    assert jobs["all"]["strategy"]["matrix"]["python"] == declared
    assert jobs["all"]["steps"][-1] == {"run": "bash .ci/run"}
    assert set(jobs["one"]["strategy"]["matrix"]["session"]) <= sessions(project_root)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"])
def test_every_session_that_is_named_is_there(project_root, name):
    named = set(re.findall(r"nox -s (\w+)", (project_root / name).read_text(encoding="utf-8")))
    assert named
    assert named <= sessions(project_root)


def test_every_session_has_its_row(project_root):
    page = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `nox -s (\w+)`", page, re.MULTILINE)) == sessions(project_root)


def test_every_folder_of_plug_ins_is_there(project_root):
    page = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = re.findall(r"`([a-z_/]+/)`", page.split("## Add something", 1)[1].split("\n## ", 1)[0])
    folders.remove("dermbench/")
    assert len(folders) > 7
    for folder in folders:
        assert (project_root / "dermbench" / folder).is_dir(), folder


def test_every_entry_point_group_has_its_row(project_root):
    page = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = "\n".join(path.read_text(encoding="utf-8") for path in (project_root / "dermbench").rglob("*.py"))
    groups = set(re.findall(r'Registry(?:\[[^"]*?\])?\(\s*"[^"]+", "(dermbench\.\w+)"', source))
    assert len(groups) > 8
    assert groups <= set(re.findall(r"`(dermbench\.\w+)`", page))
