"""deploy/kubernetes starts what docker-compose.yml starts, told the same, closed in, and keeps no secret.

Its files hold whole objects, so they are read here as they are. Where kubectl is, what it makes of them is
looked at too: that the base is what is read here, and that what stands on the overlays is whole.
"""

import os
import re
import shlex
import shutil
import subprocess
from contextlib import closing
from dataclasses import fields
from functools import cache
from itertools import product

import kubernetes_validate
import pytest
import redis
import yaml

from deploy.local.databases import SERVICES
from deploy.local.settings import ROOT, parsed
from deploy.local.valkey import temporary_valkey
from shared.settings import is_told
from tests.unit.local.test_containers import CONTAINERS, OURS, settings_of, size_mb

pytestmark = pytest.mark.requirement("K-01")

FOLDER = ROOT / "deploy" / "kubernetes"
BASE = FOLDER / "base"
OVERLAYS = ("one-node", "production", "keda")
VERSIONS = ("1.34", "1.37")
CRDS = "keda.sh/v1alpha1"  # no part of Kubernetes
NEVER_SAID = {"CRASH_POINTS"}
# Where what compose has from its `.env` comes from here.
PLACES = {"JWKS", "TOKEN_ISSUER", "MAIL_FROM"}


def objects(folder):
    """What stands in the files of a folder, before kustomize."""
    for file in sorted((FOLDER / folder).glob("*.yaml")):
        told = yaml.safe_load(file.read_text())
        if told.get("kind") != "Kustomization":
            yield from told.get("items", [told])


def of_kind(kind, folder="base"):
    return {each["metadata"]["name"]: each for each in objects(folder) if each["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")
JOBS = of_kind("Job")
SERVERS = of_kind("StatefulSet", "one-node")
PODS = {name: each["spec"]["template"] for name, each in (DEPLOYMENTS | JOBS | SERVERS).items()}
PROCESSES = sorted(set(DEPLOYMENTS | JOBS) - {"gateway"})


def container_of(name):
    [container] = PODS[name]["spec"]["containers"]
    return container


@cache
def settings_in(config):
    assert f"{config}.env" in (BASE / "kustomization.yaml").read_text()
    return parsed((BASE / f"{config}.env").read_text())


def environment(container):
    """What a container is told; of a Secret only where it is."""
    told = {}
    for source in container.get("envFrom", []):
        told |= settings_in(source["configMapRef"]["name"])
    for variable in container.get("env", []):
        told[variable["name"]] = variable.get("value") or variable["valueFrom"]["secretKeyRef"]
    return told


def test_the_same_processes_run_with_the_same_words():
    assert PROCESSES == OURS
    for name in PROCESSES:
        assert container_of(name)["command"] == shlex.split(CONTAINERS[name]["command"]), name
    assert container_of("gateway")["command"] == shlex.split(CONTAINERS["gateway"]["command"])
    words = [word.replace("$$", "$") for word in CONTAINERS["valkey"]["command"]]
    assert container_of("valkey")["command"] == words
    assert container_of("postgres")["args"] == shlex.split(CONTAINERS["postgres"]["command"])


def test_images_are_those_of_compose():
    def default(image):
        return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", image).removesuffix(":latest")

    assert {name: container_of(name)["image"] for name in PODS} == {
        name: default(CONTAINERS[name]["image"]) for name in PODS
    }


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_told_what_it_is_told_in_compose(name):
    here, there = environment(container_of(name)), CONTAINERS[name]["environment"]

    assert here.keys() == there.keys()
    for variable, value in here.items():
        if isinstance(value, dict):
            assert "$" in there[variable], f"{variable} is no secret in docker-compose.yml"
            continue
        # An address or name that each deployment has, a default, or the same.
        default = re.sub(r"^\$\{[A-Z_]+:-([^}]*)\}$", r"\1", there[variable])
        assert value == ("" if variable in PLACES | {"PUBLIC_URL"} else default), variable


@pytest.mark.parametrize("name", [name for name in PROCESSES if name != "flower"])
def test_a_process_has_each_setting_of_its_own_and_every_secret_of_them_from_a_secret(name):
    service, _, kind = name.partition("-")
    known = fields(settings_of(service))
    told = environment(container_of(name))
    library = {"PROMETHEUS_MULTIPROC_DIR", "TMPDIR"}

    own = {field.name.upper() for field in known if is_told(field, kind)} - NEVER_SAID
    assert set(told) - library == own
    secret = {field.name.upper() for field in known if "only" in field.metadata} | {"DATABASE_URL"}
    assert {variable for variable, value in told.items() if isinstance(value, dict)} == secret & own
    for variable, value in told.items():
        if isinstance(value, dict):
            assert value["name"] in {"waybill", f"waybill-{service}"}
            assert value["key"] == variable
            optional = {field.name.upper() for field in known if field.metadata.get("is_optional")}
            assert value.get("optional", False) is (variable in optional)


def test_a_process_waits_for_its_migrations_with_no_more_secrets_than_that_takes():
    for name in DEPLOYMENTS:
        service = name.partition("-")[0]
        before = PODS[name]["spec"].get("initContainers", [])
        if service not in SERVICES:
            assert before == []
            continue
        [waits] = before
        verb = ["python", "-m", f"services.{service}.cli", "await-migrations", "--wait", "600"]
        assert waits["command"] == verb
        assert environment(waits) == environment(container_of(f"{service}-migrate"))
        assert DEPLOYMENTS[name]["spec"]["progressDeadlineSeconds"] > 600


def test_the_tree_has_no_secret_and_the_handbook_names_each():
    asked = {}
    for pod in PODS.values():
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            for value in environment(container).values():
                if isinstance(value, dict):
                    asked.setdefault(value["name"], set()).add(value["key"])

    kinds = {each["kind"] for folder in ("base", *OVERLAYS) for each in objects(folder)}
    assert "Secret" not in kinds
    handbook = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(waybill(?:-[a-z]+)?)` \| (.*?) \|", handbook, re.MULTILINE)
    named = {name: set(re.findall(r"`([A-Z_]+)`", keys)) for name, keys in rows}
    assert {name: named.get(name) for name in asked} == asked


@pytest.mark.parametrize("name", sorted(PODS))
def test_every_pod_is_closed_in(name):
    pod = PODS[name]["spec"]
    user = pod["securityContext"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert user["runAsNonRoot"] is True
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    assert user["runAsUser"] == int(CONTAINERS[name]["user"].partition(":")[0])
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"])
        assert mebibytes(resources["requests"]["memory"]) <= mebibytes(resources["limits"]["memory"])
    assert mebibytes(container_of(name)["resources"]["limits"]["memory"]) == size_mb(
        CONTAINERS[name]["mem_limit"]
    )


def mebibytes(text):
    return int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]


def test_what_is_written_goes_where_it_goes_in_compose():
    for name in (*PROCESSES, "gateway"):
        volumes = {volume["name"]: volume for volume in PODS[name]["spec"]["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container_of(name)["volumeMounts"]}
        for place in CONTAINERS[name]["tmpfs"]:
            path, _, bound = place.partition(":size=")
            assert mounts[path]["emptyDir"] == {"medium": "Memory", "sizeLimit": bound.replace("m", "Mi")}
        kept = {mount.split(":")[1] for mount in CONTAINERS[name].get("volumes", [])}
        assert kept == set(mounts) - {"/tmp"}


@pytest.mark.parametrize("name", sorted(set(DEPLOYMENTS)))
def test_probes_ask_what_the_process_answers(name):
    container, kind = container_of(name), PODS[name]["metadata"]["labels"]["kind"]
    paths = {
        probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("liveness", "readiness", "startup")
    }
    [port] = container["ports"]
    in_compose = " ".join(CONTAINERS[name]["healthcheck"]["test"])

    assert {container[f"{probe}Probe"]["httpGet"]["port"] for probe in paths} == {port["name"]}
    # What compose looks at is what takes a pod out of service.
    assert f":{port['containerPort']}{paths['readiness']}" in in_compose
    if kind == "api":
        assert paths == {"liveness": "/health/live", "readiness": "/health/ready", "startup": "/health/live"}
        # An export or a reader of the feed has a thread for long; all eight do not answer for a minute.
        liveness = container["livenessProbe"]
        assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60
    elif kind in {"agent", "worker", "rendering", "webhooks"}:
        assert set(paths.values()) == {"/health/live"}


def test_a_pod_has_as_long_to_end_as_a_container():
    for name in (*PROCESSES, "gateway"):
        spec, container = PODS[name]["spec"], container_of(name)
        grace = int(CONTAINERS[name]["stop_grace_period"].removesuffix("s"))
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)

        assert spec["terminationGracePeriodSeconds"] == grace + before
        # Whoever is sent requests is first left out by those who send them.
        assert bool(before) is (name.endswith("-api") or name == "gateway")


def test_each_deployment_can_be_moved_pod_by_pod_and_spreads():
    budgets = of_kind("PodDisruptionBudget")

    assert set(budgets) == set(DEPLOYMENTS)
    for name, deployment in DEPLOYMENTS.items():
        assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]
        assert deployment["spec"]["selector"]["matchLabels"] == {"process": name}
        labels = PODS[name]["metadata"]["labels"]
        assert labels["process"] == name
        spread = PODS[name]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        assert all("process" in each["matchLabelKeys"] for each in spread)
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_migrations_end_and_are_tried_again():
    assert set(JOBS) == {f"{service}-migrate" for service in SERVICES}
    for name in JOBS:
        assert PODS[name]["spec"]["restartPolicy"] == "OnFailure"
        assert "livenessProbe" not in container_of(name)


def test_services_have_the_names_and_ports_that_others_ask_for():
    services = of_kind("Service") | of_kind("Service", "one-node")

    told = " ".join(settings_in("settings").values())
    for host, port in re.findall(r"http://([a-z-]+):(\d+)", told):
        assert services[host]["spec"]["ports"][0]["port"] == int(port)
    assert {"postgres", "valkey", "console-api", "gateway", "flower"} <= set(services)
    for name, service in services.items():
        assert service["spec"]["selector"] == {"process": name}
        [port] = service["spec"]["ports"]
        assert port["targetPort"] in {one["name"] for one in container_of(name)["ports"]}
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"


# Who may ask whom, by the pods' labels, as the network policies say.


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        (labels.get(each["key"]) in each["values"]) is (each["operator"] == "In")
        for each in selector.get("matchExpressions", [])
    )


LABELS = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}
POLICIES = [*of_kind("NetworkPolicy").values(), *of_kind("NetworkPolicy", "one-node").values()]


def allows(policies, direction, end, own, other):
    """Whether a policy lets a pod and another of ours speak at the port of the one that listens."""
    listener = own if direction == "ingress" else other
    [port] = container_of(listener)["ports"]
    for policy in policies:
        if not selects(policy["spec"]["podSelector"], LABELS[own]):
            continue
        for rule in policy["spec"].get(direction, []):
            ports = {each["port"] for each in rule.get("ports", [])}
            if ports and not ports & {port["name"], port["containerPort"]}:
                continue
            if end not in rule:
                return direction == "ingress" or port["containerPort"] in ports
            if any(
                "namespaceSelector" not in peer and selects(peer["podSelector"], LABELS[other])
                for peer in rule[end]
                if "podSelector" in peer
            ):
                return True
    return False


def can_ask(one, other):
    return allows(POLICIES, "egress", "to", one, other) and allows(POLICIES, "ingress", "from", other, one)


def test_nobody_reaches_what_they_have_no_business_with():
    names = sorted(PODS)
    listening = [name for name in names if container_of(name).get("ports")]
    meeting = {
        (one, other) for one, other in product(names, listening) if one != other and can_ask(one, other)
    }

    of_a_service = {name for name in names if LABELS[name].get("service") in SERVICES}
    apis = {f"{service}-api" for service in SERVICES}
    callers = {
        *apis,
        *(f"{service}-agent" for service in SERVICES),
        "notifications-worker",
        "console-api",
        "gateway",
    }
    wanted = {(one, "postgres") for one in of_a_service}
    wanted |= {
        (one, "valkey") for one in {*of_a_service, "console-api", "flower"} if not one.endswith("migrate")
    }
    wanted |= {(one, other) for one, other in product(callers, apis) if one != other}
    wanted |= {("gateway", "console-api")}
    assert meeting == wanted


def test_all_is_shut_that_is_not_opened():
    [shut] = [
        policy
        for policy in POLICIES
        if policy["spec"]["podSelector"] == {} and not policy["spec"].get("egress")
    ]

    assert shut["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in shut["spec"]


def test_only_what_talks_to_the_world_has_a_way_out_and_webhooks_none_within():
    def ways_out(name):
        for policy in POLICIES:
            if selects(policy["spec"]["podSelector"], LABELS[name]):
                for rule in policy["spec"].get("egress", []):
                    if "to" not in rule or any("ipBlock" in peer for peer in rule["to"]):
                        yield policy["metadata"]["name"], rule

    out = {name: list(ways_out(name)) for name in PODS}
    networks = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["networks"]
    doors = {name for name, settings in networks.items() if not settings} - {"flower-door", "prometheus-door"}
    assert {name for name, ways in out.items() if ways} == {
        name for name in PODS if doors & set(CONTAINERS[name]["networks"]) and name != "gateway"
    }
    [(_, receivers)] = out["notifications-webhooks"]
    shut = {block for peer in receivers["to"] for block in peer["ipBlock"]["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"} <= shut


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", ["base", *OVERLAYS])
def test_each_object_is_one_to_kubernetes(folder, version):
    told = [each for each in objects(folder) if each["apiVersion"] != CRDS]

    assert told or folder == "keda"
    for each in told:
        kubernetes_validate.validate(each, version, strict=True)


def test_apis_are_scaled_by_their_processor_and_nothing_else_says_how_many_there_are():
    scaled = of_kind("HorizontalPodAutoscaler", "production")
    text = yaml.safe_load((FOLDER / "production" / "kustomization.yaml").read_text())
    counted = {each["name"]: each["count"] for each in text["replicas"]}

    assert set(scaled) == {name for name in DEPLOYMENTS if LABELS[name]["kind"] == "api"}
    assert set(counted) == set(DEPLOYMENTS) - set(scaled) - {"flower"}
    assert min(counted.values()) >= 2
    assert all("replicas" not in deployment["spec"] for deployment in DEPLOYMENTS.values())
    for name, each in scaled.items():
        assert each["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        assert each["spec"]["minReplicas"] >= 2


def test_workers_are_scaled_by_each_queue_that_they_listen_to():
    scaled = of_kind("ScaledObject", "keda")

    listening = {
        name: set(container_of(name)["command"][-1].split(","))
        for name in DEPLOYMENTS
        if container_of(name)["command"][-2] == "-Q"
    }
    assert {
        name: {trigger["metadata"]["listName"] for trigger in each["spec"]["triggers"]}
        for name, each in scaled.items()
    } == listening
    assert all(each["spec"]["scaleTargetRef"]["name"] == name for name, each in scaled.items())
    [access] = of_kind("TriggerAuthentication", "keda")
    assert {
        trigger["authenticationRef"]["name"]
        for each in scaled.values()
        for trigger in each["spec"]["triggers"]
    } == {access}


LENGTH = """
    local kind = redis.call('type', KEYS[1]).ok
    return redis.call(({none = 'llen', list = 'llen'})[kind], KEYS[1])
"""


def test_the_scaler_s_user_of_the_broker_reads_lengths_and_no_more():
    [line] = [
        line for line in (FOLDER / "keda" / "user.conf").read_text().splitlines() if line.startswith("user")
    ]
    words = line.replace("${KEDA_BROKER_PASSWORD}", "length").split()[1:]
    with temporary_valkey() as server, closing(redis.Redis.from_url(server.url)) as operator:
        operator.execute_command("ACL", "SETUSER", *words)
        operator.lpush("orders.events", "one", "two")
        scaler = redis.Redis(port=server.port, username="keda", password="length")
        with closing(scaler):
            assert scaler.eval(LENGTH, 1, "orders.events") == 2
            assert scaler.eval(LENGTH, 1, "shipping.jobs") == 0
            for refused in (
                lambda: scaler.rpop("orders.events"),
                lambda: scaler.lrange("orders.events", 0, -1),
                lambda: scaler.eval("return redis.call('lpop', KEYS[1])", 1, "orders.events"),
                lambda: scaler.eval(LENGTH, 1, "console.session"),
                scaler.flushall,
            ):
                with pytest.raises(redis.exceptions.ResponseError, match=r"(?i)permission|NOPERM|ACL"):
                    refused()


def rendered(folder):
    return list(
        yaml.safe_load_all(
            subprocess.run(
                ["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True
            ).stdout
        )
    )


def named_in(told, kind):
    """The names in all references of a kind, wherever they stand."""
    for key, value in told.items() if isinstance(told, dict) else enumerate(told):
        if key == kind:
            yield value["name"]
        elif isinstance(value, dict | list):
            yield from named_in(value, kind)


def sized_in(made):
    return made["spec"]["template"]["spec"]["containers"][0]["resources"]


def named_images(made):
    pod = made.get("spec", {}).get("template", {}).get("spec", {})
    return [each["image"] for kind in ("containers", "initContainers") for each in pod.get(kind, [])]


needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")


@needs_kubectl
def test_kustomize_makes_of_the_base_what_is_read_here():
    made = {(each["kind"], each["metadata"]["name"]): each for each in rendered(BASE)}

    for name in DEPLOYMENTS:
        pod = made["Deployment", name]["spec"]["template"]["spec"]
        for kind in ("containers", "initContainers"):
            for here, there in zip(PODS[name]["spec"].get(kind, []), pod.get(kind, []), strict=True):
                assert {key: value for key, value in there.items() if key != "envFrom"} == {
                    key: value for key, value in here.items() if key != "envFrom"
                }
                named = [
                    source["configMapRef"]["name"].rpartition("-")[0] for source in there.get("envFrom", [])
                ]
                assert named == [source["configMapRef"]["name"] for source in here.get("envFrom", [])]
    assert {kind for kind, _ in made} == {each["kind"] for each in objects("base")} | {"ConfigMap"}


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_own_deployment_on_top_of_an_overlay_is_one_to_kubernetes(overlay, tmp_path):
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": "waybill",
                "resources": [os.path.relpath(FOLDER / overlay, tmp_path.resolve())],
                "images": [{"name": "waybill-app", "newName": "registry.example/waybill-app", "newTag": "7"}],
                "configMapGenerator": [
                    {"name": "settings", "behavior": "merge", "literals": ["PUBLIC_URL=https://shop.example"]}
                ],
            }
        )
    )
    made = rendered(tmp_path)

    for each in made:
        for version in VERSIONS:
            if each["apiVersion"] != CRDS:
                kubernetes_validate.validate(each, version, strict=True)
    deployments = {each["metadata"]["name"]: each for each in made if each["kind"] == "Deployment"}
    assert set(named_in(made, "configMapRef")) <= {
        each["metadata"]["name"] for each in made if each["kind"] == "ConfigMap"
    }
    images = [image for each in made for image in named_images(each)]
    assert set(images) >= {"registry.example/waybill-app:7", "waybill-documents", "nginx:1.30"}
    assert "waybill-app" not in images
    settings = [each for each in made if each["kind"] == "ConfigMap" and "PUBLIC_URL" in each["data"]]
    assert [each["data"]["PUBLIC_URL"] for each in settings] == ["https://shop.example"]
    scaled = {
        each["spec"]["scaleTargetRef"]["name"] for each in made if "scaleTargetRef" in each.get("spec", {})
    }
    assert not {name for name in scaled if "replicas" in deployments[name]["spec"]}
    assert all(each["metadata"].get("namespace") == "waybill" for each in made if each["kind"] != "Namespace")


@needs_kubectl
def test_a_patch_of_one_process_is_of_that_one_alone(tmp_path):
    more = {"name": "process", "resources": {"requests": {"cpu": "777m"}}}
    for name in DEPLOYMENTS:
        patch = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"template": {"spec": {"containers": [more]}}},
        }
        (tmp_path / "kustomization.yaml").write_text(
            yaml.safe_dump(
                {
                    "namespace": "waybill",
                    "resources": [os.path.relpath(BASE, tmp_path.resolve())],
                    "patches": [{"patch": yaml.safe_dump(patch)}],
                }
            )
        )
        processors = {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["resources"][
                "requests"
            ]["cpu"]
            for each in rendered(tmp_path)
            if each["kind"] == "Deployment"
        }
        assert {one for one, cpu in processors.items() if cpu == "777m"} == {name}
