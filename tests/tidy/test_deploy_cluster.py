"""deploy/ for many machines: what each part may do and see, when it is alive and of use, what may be lost."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support import deployed
from tests.support.deployed import DEPLOY

ROLES = ("intake", "worker", "floor", "desk", "web", "trial")
ONE_IS_ENOUGH = {"trial"}  # nobody waits for it
SEES = {
    "intake": {"desk", "mqtt"},
    "worker": {"desk", "mqtt", "series"},
    "floor": {"desk"},
    "desk": {"desk", "mqtt", "series"},
    "web": {"desk", "series"},
    "trial": {"desk"},
    "migrate": {"desk"},
    "topics": {"desk"},
}
"""Role or job -> the secrets that it may see, and no other."""
COMPOSE_SECRETS = {
    "desk": {"desk-password", "links"},
    "mqtt": {"mqtt-ca", "mqtt-cert", "mqtt-key"},
    "series": {"series-token"},
}
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"


def of_kind(kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for _, one in deployed.manifests() if one["kind"] == kind}


def pod(name: str) -> Any:
    return deployed.workloads()[name]["spec"]["template"]["spec"]


def test_every_role_stands_in_both_and_no_other() -> None:
    """Kubernetes and compose start the same six roles and two jobs; at least two of what somebody waits for."""
    workloads = deployed.workloads()
    assert set(workloads) == {*ROLES, "migrate", "topics"}
    services = deployed.compose_services("compose.cluster.yaml")
    ours = {re.sub(r"-\d$", "", name) for name, one in services.items() if deployed.is_ours(one)}
    assert ours == set(workloads)
    for role in ROLES:
        assert workloads[role]["spec"]["replicas"] >= (1 if role in ONE_IS_ENOUGH else 2), role
        assert workloads[role]["spec"]["selector"]["matchLabels"] == {NAME: "vardevakt", COMPONENT: role}


def test_all_manifests_are_named_once_for_kubectl() -> None:
    """Each file stands in a kustomization, everything in the one namespace; the image is this version of us."""
    folder = DEPLOY / "kubernetes"
    version = re.search(r'^version = "(.+)"', (DEPLOY.parent / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    for place in (folder, folder / "jobs"):
        listed = deployed.read_yaml(place / "kustomization.yaml")
        files = sorted(path.name for path in place.glob("*.yaml") if path.name != "kustomization.yaml")
        assert sorted(listed["resources"]) == files
        assert [one["newTag"] for one in listed["images"]] == [version.group(1)]
    for file, one in deployed.manifests():
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == "vardevakt", file
    assert of_kind("Namespace")["vardevakt"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", SEES)
def test_a_pod_may_do_no_more_than_it_needs(name: str) -> None:
    """Our user, no rights, a read-only root, no token of Kubernetes, bounded memory, the secrets of its role only."""
    spec = pod(name)
    (container,) = spec["containers"]
    uid = int(deployed.instruction("USER").split(":")[0])
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "Kubernetes' own VARDEVAKT_WEB_… would be unknown settings"
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": uid, "runAsGroup": uid, "fsGroup": uid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip
    assert container["resources"]["limits"]["memory"]
    volumes = {one["name"]: one for one in spec["volumes"]}
    assert {one["secret"]["secretName"] for one in volumes.values() if "secret" in one} == SEES[name]
    written = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert written == {deployed.instruction("VOLUME"), "/tmp"}
    assert {one["name"] for one in container["volumeMounts"]} == set(volumes)
    assert not any("hostPath" in one for one in volumes.values())
    files = [value for key, value in deployed.pod_environment(spec).items() if key.endswith("_FILE")]
    assert all(any(f"{path}/" in f"{file}/" for path in mounted(container)) for file in files), files
    assert not [one for one in container["env"] if "secretKeyRef" in str(one)], "secrets are files"


def mounted(container: Any) -> list[str]:
    return [one["mountPath"] for one in container["volumeMounts"] if one["mountPath"].startswith("/run/secrets/")]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_when_it_lives_and_when_it_is_of_use(role: str) -> None:
    """Three probes of one listener; time to load, to be asked slowly, and to end in order before it is killed."""
    (container,) = pod(role)["containers"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: one["httpGet"]["path"] for name, one in probes.items()} == {
        "startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"
    }  # fmt: skip
    assert {one["httpGet"]["port"] for one in probes.values()} == {"http"}
    startup, living = probes["startup"], probes["liveness"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300, "a big state takes its time to load"
    assert living["periodSeconds"] * living["failureThreshold"] >= 60, "a pause is no death"
    assert pod(role)["terminationGracePeriodSeconds"] >= 60
    budget = of_kind("PodDisruptionBudget")[role]["spec"]
    assert (budget["maxUnavailable"], budget["selector"]["matchLabels"][COMPONENT]) == (1, role)
    hosts = [one for one in pod(role)["topologySpreadConstraints"] if one["topologyKey"] == "kubernetes.io/hostname"]
    assert [one["labelSelector"]["matchLabels"][COMPONENT] for one in hosts] == [role]


def test_two_intakes_never_share_a_session() -> None:
    """Each has a name of its own at the broker that stays the same, or they would throw each other out for ever."""
    intake = of_kind("StatefulSet")["intake"]
    (container,) = intake["spec"]["template"]["spec"]["containers"]
    names = [one for one in container["env"] if one["name"] == "VARDEVAKT_MQTT_CLIENT_ID"]
    assert [one["valueFrom"] for one in names] == [{"fieldRef": {"fieldPath": "metadata.name"}}]
    services = deployed.compose_services("compose.cluster.yaml")
    told = [
        one["environment"]["VARDEVAKT_MQTT_CLIENT_ID"] for name, one in services.items() if name.startswith("intake")
    ]
    assert len(told) == len(set(told)) == 2
    assert not any("replicas" in one.get("deploy", {}) for name, one in services.items() if name.startswith("intake"))


def test_what_no_policy_allows_is_forbidden() -> None:
    """Both directions are closed to start with; who may speak to what is what its role needs, and names for all."""
    policies = {name: one["spec"] for name, one in of_kind("NetworkPolicy").items()}
    assert policies.pop("nothing") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    out = {name: one for name, one in policies.items() if one["policyTypes"] == ["Egress"]}
    reach = {role: set() for role in (*ROLES, "migrate")}  # type: dict[str, set[str]]
    for name, one in out.items():
        for role, found in reach.items():
            if chooses(one["podSelector"], role):
                found.add(name)
        assert all(rule["to"] and rule["ports"] for rule in one["egress"]), name
    everybody = {"names", "logs-and-desk"}
    assert reach == {
        "intake": {*everybody, "broker"}, "worker": {*everybody, "broker", "series"},
        "floor": everybody, "trial": everybody, "migrate": everybody,
        "desk": {*everybody, "broker", "series", "people"}, "web": {*everybody, "series"},
    }  # fmt: skip
    inward = {name: one for name, one in policies.items() if one["policyTypes"] == ["Ingress"]}
    assert [role for role in ROLES if chooses(inward["from-outside"]["podSelector"], role)] == ["web"]
    assert all(rule["from"] for one in inward.values() for rule in one["ingress"])


def chooses(selector: Any, role: str) -> bool:
    labels = {NAME: "vardevakt", COMPONENT: role}
    return all(labels[key] == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels[one["key"]] in one["values"] for one in selector.get("matchExpressions", ())
    )


def test_services_lead_to_pods_that_listen() -> None:
    """Each service, and each path of the ingress, ends at a port of a role."""
    services = of_kind("Service")
    for one in services.values():
        role = one["spec"]["selector"][COMPONENT]
        (container,) = pod(role)["containers"]
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= {port["name"] for port in container["ports"]}
    (ingress,) = of_kind("Ingress").values()
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert {path["backend"]["service"]["name"] for path in paths} == {"web"}
    assert set(services) == {"intake", "web"}, "of the intake only the name that its StatefulSet needs"


@pytest.mark.parametrize("name", sorted(deployed.compose_services("compose.cluster.yaml")))
def test_a_container_of_the_cluster_may_do_no_more_than_it_needs(name: str) -> None:
    """Read-only root, no rights, no root, bounded memory, no password in its environment, secrets of its role."""
    whole = deployed.read_yaml(DEPLOY / "compose.cluster.yaml")
    one = whole["services"][name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert not one["user"].startswith("0")
    assert one["mem_limit"]
    assert one["pids_limit"]
    assert not one["image"].endswith(":latest") or deployed.is_ours(one)
    given = {secret if isinstance(secret, str) else secret["source"] for secret in one.get("secrets", ())}
    assert given <= set(whole["secrets"])
    role = re.sub(r"-\d$", "", name)
    if deployed.is_ours(one):
        assert given == set().union(*(COMPOSE_SECRETS[secret] for secret in SEES[role]))
        assert one["user"] == deployed.instruction("USER")
    else:
        assert one["healthcheck"]["test"]
    secretive = re.compile(r"PASSWORD|TOKEN|SECRET")
    open_ones = {key: value for key, value in one.get("environment", {}).items() if secretive.search(key)}
    assert all(str(value).startswith("/run/secrets/") for value in open_ones.values()), open_ones
    for port in one.get("ports", ()):
        assert port.startswith("127.0.0.1:") or name == "mosquitto", port
    for volume in one.get("volumes", ()):
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).exists(), volume
            assert volume.endswith(":ro"), volume
        elif not source.startswith("/"):
            assert source in whole["volumes"], volume


def test_what_only_serves_others_cannot_reach_out() -> None:
    """Kafka, PostgreSQL, InfluxDB, workers and floor are on a network without a way out."""
    whole = deployed.read_yaml(DEPLOY / "compose.cluster.yaml")
    assert whole["networks"]["inside"] == {"internal": True}
    outward = {name for name, one in whole["services"].items() if "edge" in one["networks"]}
    assert outward == {"intake-1", "intake-2", "desk", "web", "mosquitto", "prometheus", "grafana"}


def test_nothing_starts_before_what_it_stands_on() -> None:
    """Roles wait for migrated tables and topics; the jobs for servers that say they are well."""
    services = deployed.compose_services("compose.cluster.yaml")
    for name, one in services.items():
        if deployed.is_ours(one):
            waits = {key: value["condition"] for key, value in one["depends_on"].items()}
            wanted = {"migrate": {"postgres": "service_healthy"}, "topics": {"kafka": "service_healthy"}}
            done = dict.fromkeys(("migrate", "topics"), "service_completed_successfully")
            assert waits == wanted.get(name, done), name
