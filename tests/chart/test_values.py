"""Values: typing errors are refused, and what is accepted is a configuration that the operator takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.config_file import load_config
from baileys_janitor.api.config.defaults import BUILT_IN
from charts.checks import ALIASES
from charts.generate import values_schema
from tests.chart.rendering import (
    CHART,
    ROOT,
    VARIANTS,
    Object,
    Refused,
    helms,
    only,
    operator_file,
    render,
)

WRONG: dict[str, tuple[Object, str]] = {
    "a value of no such name": ({"replica": 3}, "replica"),
    "a name below another": ({"image": {"tagg": "1"}}, "tagg"),
    "a typing error in the configuration": ({"config": {"modeCieling": "DryRun"}}, "modeCieling"),
    "a typing error deep in it": (
        {"config": {"defaults": {"retention": {"sessionMaxage": "14d"}}}},
        "sessionMaxage",
    ),
    "a mode that does not exist": ({"config": {"modeCeiling": "Dryrun"}}, "modeCeiling"),
    "a length of time without unit": (
        {"config": {"defaults": {"cooldown": 6}}},
        "cooldown",
    ),
    "text for a number": ({"replicas": "two"}, "replicas"),
    "what the chart sets by a value of its own": (
        {"config": {"watchNamespaces": ["shop"]}},
        "watchNamespaces",
    ),
    "namespaces as text": ({"watchNamespaces": "shop"}, "watchNamespaces"),
    "a digest that is none": ({"image": {"digest": "latest"}}, "digest"),
    "a log level of another program": (
        {"config": {"logging": {"level": "trace"}}},
        "'debug', 'info'",
    ),
    "a port that is none": ({"config": {"metrics": {"port": 70_000}}}, "/config/metrics/port"),
}

CHANNEL: Object = {"name": "a", "webhook": {"urlKey": "url"}}


def defaults(**settings: Any) -> Object:
    return {"config": {"defaults": settings}}


STORE: Object = {"name": "eu", "url": "s3://b/p", "secretName": "s"}
RECIPIENT = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"


def backups(**settings: Any) -> Object:
    return defaults(backup={"repositories": [STORE], "recipients": [RECIPIENT], **settings})


SENTENCES: list[tuple[Object, str]] = [
    ({"replicaCount": 3}, "replicaCount is not a value of this chart: did you mean replicas?"),
    (
        {"image": {"repo": "x"}},
        "image.repo is not a value of this chart: did you mean image.repository?",
    ),
    ({"resource": {}}, "did you mean resources?"),
    ({"servicemonitor": {"enabled": True}}, "did you mean serviceMonitor?"),
    (
        {"config": {"tolerations": []}},
        "did you mean tolerations, or config.job.tolerations for the Jobs?",
    ),
    (
        {"mode": "DryRun"},
        "did you mean config.defaults.mode, or config.modeCeiling for all tenants?",
    ),
    (
        {"podDisruptionBudget": {"minAvailable": 1}},
        "did you mean podDisruptionBudget.maxUnavailable?",
    ),
    ({"keyStores": {"enabled": False}}, "did you mean config.keyStores?"),
    (
        {"config": {"leaderElection": {"leaseDuration": "15s"}}},
        "did you mean config.leaderElection.duration?",
    ),
    (
        {"image": {"repository": "registry.example/janitor:1.2"}},
        'image.repository is "registry.example/janitor:1.2": give it without https:// and without',
    ),
    ({"image": {"repository": "https://registry.example/janitor"}}, "give it without https://"),
    ({"fullnameOverride": "My_Janitor"}, 'fullnameOverride is "My_Janitor": use lower-case'),
    ({"nameOverride": "Janitor"}, 'nameOverride is "Janitor": use lower-case'),
    (
        {"resources": {"requests": {"memory": "1Gi"}}},
        "resources.requests.memory (1Gi) is more than resources.limits.memory (512Mi): no pod could start",
    ),
    (
        {"resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}},
        "resources.requests.cpu (1500m) is more than resources.limits.cpu (1)",
    ),
    (
        defaults(
            job={"resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": "64Mi"}}}
        ),
        "config.defaults.job.resources.requests.memory (128Mi) is more than",
    ),
    (
        {"serviceMonitor": {"enabled": True, "interval": "10s"}},
        "serviceMonitor.scrapeTimeout (25s) is longer than serviceMonitor.interval (10s)",
    ),
    (
        {"podSecurityContext": {"runAsUser": 0}},
        "podSecurityContext.runAsUser is 0 while runAsNonRoot is true",
    ),
    (
        defaults(schedule={"dailyCleanup": "0 3 31 2 *"}),
        'dailyCleanup is "0 3 31 2 *", which never comes: choose a day that the month has, or Never',
    ),
    (
        {"config": {"notifications": {"summary": {"schedule": "0 8 30 FEB *"}}}},
        "which never comes",
    ),
    (
        {
            "config": {
                "notifications": {
                    "channels": [
                        {"name": "a", "telegram": {"tokenKey": "t", "chatId": -1001234567890}}
                    ]
                }
            }
        },
        'chatId is "-1001234567890": give the number of the chat in quotes',
    ),
    ({"image": {"tag": 1.5}}, 'image.tag is "1.5": give a tag, in quotes where it is a number'),
    ({"image": {"digest": "latest"}}, 'image.digest is "latest": give sha256: and 64'),
    ({"watchNamespaces": ["shop", "My Shop"]}, 'watchNamespaces[1] is "My Shop": use lower-case'),
    (
        {"resources": {"limits": {"memory": "512MB"}}},
        'resources.limits.memory is "512MB", which is no quantity',
    ),
    (
        {"serviceMonitor": {"interval": "1h"}},
        'serviceMonitor.interval is "1h": write it in seconds or minutes',
    ),
    (
        defaults(cooldown=6),
        'config.defaults.cooldown is "6", which is no duration: write it as days',
    ),
    (defaults(cooldown=""), 'config.defaults.cooldown is "": choose between 0s and 30d'),
    (defaults(undoWindow="1w"), 'config.defaults.undoWindow is "1w", which is no duration'),
    (defaults(emergencyCooldown="59s"), 'is "59s": choose between 1m and 7d'),
    (defaults(schedule={"scanInterval": "1s"}), 'is "1s": choose between 10s and 1d'),
    (
        defaults(schedule={"dailyCleanup": "0 3 * *"}),
        'dailyCleanup is "0 3 * *": write it as "minute hour',
    ),
    (defaults(schedule={"dailyCleanup": "0 25 * * *"}), "or Never"),
    (
        defaults(schedule={"timeZone": "Mars/Olympus"}),
        'timeZone is "Mars/Olympus": give an IANA name',
    ),
    (defaults(schedule={"timeZone": "local"}), 'timeZone is "local": give an IANA name'),
    (
        defaults(thresholds={"warning": 300}),
        "warning (300) is above config.defaults.thresholds.critical (170, the built-in default)",
    ),
    (
        defaults(retention={"sessionMaxAge": "5d"}),
        "sessionMaxAge (7d, the built-in default) is more than config.defaults.retention.sessionMaxAge (5d)",
    ),
    (defaults(retention={"preKeys": 10}), "emergencyRetention.preKeys (30, the built-in default)"),
    (defaults(job={"resources": {"limits": {"memory": "1GB"}}}), "which is no quantity"),
    ({"config": {"dailyJitter": "13h"}}, 'config.dailyJitter is "13h": choose between 0s and 12h'),
    (
        {"config": {"diskPressure": {"freeBytes": "64MB"}}},
        'config.diskPressure.freeBytes is "64MB"',
    ),
    (
        {"config": {"leaderElection": {"renewInterval": "10s"}}},
        "lower the first or raise the second",
    ),
    (backups(recipients=[]), "backup.recipients is empty, so nobody could decrypt an archive"),
    (backups(encryption="None"), "encryption is None and there are recipients"),
    (backups(repositories=[]), "backup.recipients needs somewhere to put archives"),
    (backups(repositories=[STORE, {**STORE, "url": "s3://b/q"}]), "two repositories named eu"),
    (
        backups(repositories=[STORE, {**STORE, "name": "ru", "url": "s3://b/p/"}]),
        'repositories[1].url is "s3://b/p/", which another repository has too',
    ),
    (backups(retention={"by": "Bucket"}), "add bucketDays"),
    (backups(retention={"bucketDays": 30}), "counts only with by: Bucket"),
    (backups(retention={"hourly": 0, "daily": 0, "monthly": 0}), "are all 0"),
    (backups(schedule="hourly"), 'config.defaults.backup.schedule is "hourly": write it as'),
    (backups(drill={"schedule": "0 0 31 2 *"}), "backup.drill.schedule"),
    (
        {"config": {"backup": {"drill": {"readSecretNames": {"us": "read"}}}}},
        "names the repository us, which config.defaults.backup.repositories does not have",
    ),
    ({"config": {"backup": {"repositories": []}}}, "mean config.defaults.backup.repositories?"),
    ({"config": {"metrics": {"port": 8080}}}, "are both 8080: choose another one for either"),
    (
        {"config": {"notifications": {"channels": [{"name": "a"}]}}},
        "channel a needs exactly one of webhook",
    ),
    (
        {"config": {"notifications": {"channels": [CHANNEL, CHANNEL]}}},
        "two channels named a: rename one",
    ),
    (
        {"config": {"notifications": {"routes": [{"name": "r", "channels": ["b"]}]}}},
        "route r sends to b, which is not among config.notifications.channels",
    ),
    ({"config": {"notifications": {"timeZone": "Sao Paulo"}}}, "give an IANA name"),
    ({"config": {"notifications": {"summary": {"schedule": "daily"}}}}, "or Never"),
    (
        {
            "config": {
                "notifications": {
                    "channels": [
                        {
                            "name": "a",
                            "telegram": {"tokenKey": "t", "chatId": "1", "apiUrl": "ftp://x"},
                        }
                    ]
                }
            }
        },
        'config.notifications.channels[0].telegram.apiUrl is "ftp://x": give a URL',
    ),
]
"""Values with which the operator would not start, and part of the sentence in which Helm refuses them."""


@pytest.mark.parametrize("helm", helms())
@pytest.mark.parametrize("case", range(len(SENTENCES)))
def test_what_the_operator_would_refuse_is_refused_in_a_sentence(case: int, helm: str) -> None:
    values, sentence = SENTENCES[case]
    with pytest.raises(Refused) as refusal:
        render(helm, **values)
    said = str(refusal.value)
    assert sentence in said
    assert "^" not in said


def test_every_other_name_of_a_value_is_answered_by_names_that_exist() -> None:
    schema = values_schema()
    for name, meant in ALIASES.items():
        for path in re.findall(r"[a-z][A-Za-z]*(?:[.][A-Za-z]+)+|^[a-z][A-Za-z]+", meant):
            node = schema
            for part in path.split("."):
                if "properties" not in node:
                    break  # what Kubernetes takes as it is
                assert part in node["properties"], f"{name}: {path}"
                node = node["properties"][part]
            assert "Not a value" not in node.get("description", ""), f"{name}: {path}"


def test_no_pattern_is_left_for_helm_to_answer_with() -> None:
    assert '"pattern"' not in (CHART / "values.schema.json").read_text()


def test_the_largest_and_smallest_of_each_duration_can_be_set() -> None:
    forms = json.loads((CHART / "files" / "checks.json").read_text())["forms"]
    bounded = [each for each in forms if "bounds" in each and "*" not in each["path"]]
    assert len(bounded) > 20
    for end in ("least", "most"):
        values: Object = {}
        for each in bounded:
            *above, name = each["path"].split(".")
            node = values
            for part in above:
                node = node.setdefault(part, {})
            node[name] = f"{each[end]}s"
        values["config"].pop("leaderElection")
        render(**values)


@pytest.mark.parametrize("helm", helms())
@pytest.mark.parametrize("case", WRONG)
def test_typing_errors_are_refused_by_name(case: str, helm: str) -> None:
    values, named = WRONG[case]
    with pytest.raises(Refused, match=named):
        render(helm, **values)


def test_no_part_of_the_schema_leaves_room_for_typing_errors() -> None:
    def open_parts(node: Any, path: str) -> list[str]:
        found = []
        if isinstance(node, dict):
            closed = node.get("additionalProperties") is False or path == "/properties/global"
            if "properties" in node and not closed:
                found.append(path)
            found += [
                each for key, part in node.items() for each in open_parts(part, f"{path}/{key}")
            ]
        return found

    assert not open_parts(json.loads((CHART / "values.schema.json").read_text()), "")


def configuration(path: Path, **values: Any) -> OperatorConfig:
    """What the operator reads when installed with these values."""
    path.write_text(operator_file(render(**values)))
    return load_config(path, {})


@pytest.mark.parametrize("name", VARIANTS)
def test_the_operator_takes_what_the_chart_writes(name: str, tmp_path: Path) -> None:
    found = configuration(tmp_path / "operator.yaml", **VARIANTS[name])
    assert found.watch_namespaces == VARIANTS[name].get("watchNamespaces", [])


def test_every_field_of_the_configuration_arrives_unchanged(tmp_path: Path) -> None:
    wanted = OperatorConfig().model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted["defaults"] = BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted["diskPressure"] = {"freeBytes": "1Gi", "freeInodes": 123_456_789}
    wanted["dailyJitter"] = "45m"
    set_by_the_chart = {"watchNamespaces": []}
    del wanted["watchNamespaces"], wanted["leaderElection"]["namespace"]
    del wanted["probes"]["address"]
    found = configuration(tmp_path / "operator.yaml", config=wanted)
    assert found == OperatorConfig.model_validate(wanted | set_by_the_chart, extra="forbid")


def test_the_example_configuration_can_be_used_as_values(tmp_path: Path) -> None:
    example = ROOT / "examples" / "operator-config.yaml"
    found = configuration(tmp_path / "operator.yaml", config=yaml.safe_load(example.read_text()))
    assert found.defaults == load_config(example, {}).defaults


def test_one_value_makes_a_careful_first_week(tmp_path: Path) -> None:
    found = configuration(tmp_path / "operator.yaml", config={"modeCeiling": "DryRun"})
    assert found.mode_ceiling == "DryRun"


def test_jobs_get_the_operators_image_secrets_and_a_class_that_never_preempts(
    tmp_path: Path,
) -> None:
    values: Object = {"image": {"pullSecrets": ["registry"], "pullPolicy": "Always"}}
    objects = render(**values)
    found = configuration(tmp_path / "operator.yaml", **values)
    assert found.job.image_pull_secrets == ["registry"]
    assert found.job.image_pull_policy == "Always"
    priority = only(objects, "PriorityClass")
    assert found.job.priority_class_name == priority["metadata"]["name"]
    assert priority["preemptionPolicy"] == "Never"
    assert not priority["globalDefault"]


def test_a_parent_chart_sets_the_registry_and_pull_secrets_of_the_operator_and_the_jobs(
    tmp_path: Path,
) -> None:
    values = VARIANTS["equipped"]
    spec = only(render(**values), "Deployment")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"].startswith("mirror.example:5000/team/baileys-janitor:")
    assert [each["name"] for each in spec["imagePullSecrets"]] == ["mirror", "other"]
    found = configuration(tmp_path / "operator.yaml", **values)
    assert found.job.image_pull_secrets == ["mirror", "other"]


@pytest.mark.parametrize(
    ("repository", "image"),
    [
        ("baileys-janitor", "mirror.example/baileys-janitor:1"),
        ("team/baileys-janitor", "mirror.example/team/baileys-janitor:1"),
        ("localhost/janitor", "mirror.example/janitor:1"),
        ("registry:5000/a/b", "mirror.example/a/b:1"),
    ],
)
def test_the_global_registry_takes_the_place_of_the_images_own(repository: str, image: str) -> None:
    values: Object = {"image": {"repository": repository, "tag": "1"}}
    objects = render(**values, **{"global": {"imageRegistry": "mirror.example/"}})
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image


def test_the_jobs_own_pull_secrets_win_over_all_others(tmp_path: Path) -> None:
    own: Object = {"job": {"imagePullSecrets": ["own"]}}
    found = configuration(tmp_path / "operator.yaml", **VARIANTS["equipped"] | {"config": own})
    assert found.job.image_pull_secrets == ["own"]


def test_what_the_configuration_says_of_jobs_wins(tmp_path: Path) -> None:
    own = {"priorityClassName": "own", "imagePullSecrets": [], "imagePullPolicy": "Never"}
    values: Object = {
        "image": {"pullSecrets": ["registry"], "pullPolicy": "Always"},
        "config": {"job": own},
    }
    found = configuration(tmp_path / "operator.yaml", **values).job
    assert found.priority_class_name == "own"
    assert found.image_pull_secrets == []
    assert found.image_pull_policy == "Never"


def test_the_port_of_the_probes_is_the_one_that_is_listened_on() -> None:
    objects = render(config={"probes": {"port": 9191}})
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [each["containerPort"] for each in container["ports"]] == [9191, 9090]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
