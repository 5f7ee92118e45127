"""What Prometheus gets from the chart: who is scraped, who may scrape, which alerts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.chart.rendering import (
    CHART,
    VARIANTS,
    Object,
    Refused,
    helms,
    only,
    operator_file,
    render,
)

MONITORS = {
    "serviceMonitor": ("ServiceMonitor", "endpoints"),
    "podMonitor": ("PodMonitor", "podMetricsEndpoints"),
}
ALERTS = CHART / "files" / "alerts.yaml"


def ports(objects: list[Object]) -> dict[str, int]:
    """The operator's container ports by name."""
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["containerPort"] for each in container["ports"]}


def test_nothing_of_the_prometheus_operator_is_there_unless_asked_for() -> None:
    assert {each["apiVersion"].split("/")[0] for each in render()}.isdisjoint(
        {"monitoring.coreos.com"}
    )


@pytest.mark.parametrize("value", MONITORS)
def test_a_monitor_selects_the_operators_pods_and_their_port(value: str) -> None:
    kind, endpoints = MONITORS[value]
    objects = render(**{value: {"enabled": True, "labels": {"release": "monitoring"}}})
    monitor = only(objects, kind)
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    assert selected <= only(objects, "Service")["metadata"]["labels"].items()
    pod = only(objects, "Deployment")["spec"]["template"]["metadata"]
    assert selected <= pod["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    [endpoint] = monitor["spec"][endpoints]
    assert endpoint["port"] in ports(objects)
    assert endpoint["port"] in {each["name"] for each in only(objects, "Service")["spec"]["ports"]}


@pytest.mark.parametrize("value", MONITORS)
def test_the_namespace_of_a_series_stays_the_tenants(value: str) -> None:
    kind, endpoints = MONITORS[value]
    [endpoint] = only(render(**{value: {"enabled": True}}), kind)["spec"][endpoints]
    assert endpoint["honorLabels"] is True


def test_the_port_of_the_metrics_is_the_one_that_is_listened_on() -> None:
    objects = render(config={"metrics": {"port": 9191}})
    assert ports(objects)["metrics"] == 9191


@pytest.mark.parametrize("helm", helms())
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"serviceMonitor": {"enabled": True}, "config": {"metrics": {"enabled": False}}},
            "nothing to scrape",
        ),
        (
            {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
            "scraped twice",
        ),
        ({"serviceMonitor": {"enabled": True, "interval": "30"}}, "interval"),
    ],
)
def test_monitors_that_cannot_work_are_refused(helm: str, values: Object, said: str) -> None:
    with pytest.raises(Refused, match=said):
        render(helm, **values)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_metrics_of_the_pods_own_address_are_closed_to_other_pods(address: str) -> None:
    config = {"metrics": {"address": address}}
    objects = render(config=config)
    assert "metrics" not in ports(objects)
    assert sources(config=config) == {"http": None}
    [service] = [each for each in objects if each["kind"] == "Service"]
    assert [each["name"] for each in service["spec"]["ports"]] == ["http"]
    assert yaml.safe_load(operator_file(objects))["metrics"]["address"] == address
    with pytest.raises(Refused, match="have nothing to scrape"):
        render(config=config, podMonitor={"enabled": True})


def test_without_metrics_no_port_is_open_for_them() -> None:
    objects = render(config={"metrics": {"enabled": False}})
    assert set(ports(objects)) == {"http"}
    assert [each["name"] for each in only(objects, "Service")["spec"]["ports"]] == ["http"]
    [policy] = (each for each in objects if each["kind"] == "NetworkPolicy")
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == ["http"]


def sources(**values: Any) -> dict[str, Any]:
    """Whom the operator's NetworkPolicy lets in, by port; None is everybody."""
    [policy] = (each for each in render(**values) if each["kind"] == "NetworkPolicy")
    return {
        port["port"]: rule.get("from")
        for rule in policy["spec"]["ingress"]
        for port in rule["ports"]
    }


def test_who_may_read_the_metrics_can_be_narrowed_and_the_probes_stay_open() -> None:
    assert sources() == {"http": None, "metrics": None}
    peers = VARIANTS["monitored"]["networkPolicy"]["metricsFrom"]
    assert sources(networkPolicy={"metricsFrom": peers}) == {"http": None, "metrics": peers}


def test_the_rule_holds_the_alerts_of_the_file_with_the_runbooks_that_were_asked_for() -> None:
    own = yaml.safe_load(ALERTS.read_text())
    assert only(render(prometheusRule={"enabled": True}), "PrometheusRule")["spec"] == own
    elsewhere = only(render(**VARIANTS["monitored"]), "PrometheusRule")
    runbooks = [
        rule["annotations"]["runbook_url"]
        for group in elsewhere["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert {url.rpartition("/")[0] for url in runbooks} == {"https://wiki.example/janitor"}
    assert elsewhere["metadata"]["labels"]["release"] == "monitoring"


def test_the_dashboard_is_there_for_the_sidecar_when_asked_for() -> None:
    found = render(dashboard={"enabled": True, "annotations": {"grafana_folder": "WhatsApp"}})
    (board,) = (each for each in found if each["metadata"]["name"].endswith("-dashboard"))
    assert board["kind"] == "ConfigMap"
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert board["metadata"]["annotations"] == {"grafana_folder": "WhatsApp"}
    own = (CHART / "files" / "dashboard.json").read_text()
    assert board["data"] == {"baileys-janitor.json": own}
    assert not [each for each in render() if each["metadata"]["name"].endswith("-dashboard")]
