"""A Kubernetes without machines, on loopback: etcd, the API server with the admission that is on by
default (Pod Security is), the scheduler, and kwok, which says of each node and pod that it is well.
No controller runs: who needs the pods of a Deployment makes them."""

import json
import re
import secrets
import socket
from pathlib import Path

from harness.certificates import Certificate, make_certificate
from harness.engines import place
from harness.kubernetes_api import KubernetesApi
from harness.program import Program
from harness.waiting import wait_until


class ApiServer:
    """`api` may do anything."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._programs_in = place("ROCKET_KUBERNETES")
        self._programs: list[Program] = []
        # Held, and not listened on: nobody else is given it until the API server has it, too.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        folder.mkdir(parents=True, exist_ok=True)
        self._token = secrets.token_hex(16)
        self._certificate = make_certificate(folder, "api-server")
        self.api = KubernetesApi(self.port, self._certificate.client(), self._token)

    def start(self) -> None:
        self._start_api_server(self._start_etcd())
        kubeconfig = self._folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(self.port, self._certificate, self._token)))
        self._run(
            self._programs_in / "control-plane",
            "kube-scheduler",
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        )
        self._run(
            self._programs_in / "kwok",
            f"--kubeconfig={kubeconfig}",
            f"--config={self._programs_in / 'stages.yaml'}",
            "--manage-all-nodes",
            "--server-address=127.0.0.1:0",
        )

    def stop(self) -> None:
        self.api.close()
        self._socket.close()
        for each in reversed(self._programs):
            each.stop(30)

    def running(self) -> bool:
        return all(each.running() for each in self._programs)

    def _run(self, *argv: str | Path) -> Program:
        program = Program(argv, self._folder)
        self._programs.append(program)
        return program

    def _start_etcd(self) -> str:
        """Where it listens."""
        anywhere = "http://127.0.0.1:0"
        etcd = self._run(
            self._programs_in / "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            "--unsafe-no-fsync",
            *(f"--listen-{whom}-urls={anywhere}" for whom in ("client", "peer")),
            f"--advertise-client-urls={anywhere}",
            f"--initial-advertise-peer-urls={anywhere}",
            f"--initial-cluster=default={anywhere}",
        )
        line = etcd.line("serving insecure client requests on", 60)
        return "http://" + re.search(r"requests on ([\d.:]+)", line)[1]

    def _start_api_server(self, etcd: str) -> None:
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f"{self._token},tests,tests,system:masters\n")
        key = self._certificate.key_file
        server = self._run(
            self._programs_in / "control-plane",
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--permit-port-sharing",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            f"--token-auth-file={tokens}",
            f"--tls-cert-file={self._certificate.cert_file}",
            f"--tls-private-key-file={key}",
            "--allow-privileged",
            "--service-account-issuer=https://api-server",
            f"--service-account-key-file={self._certificate.cert_file}",
            f"--service-account-signing-key-file={key}",
            # New nodes are tainted until a controller finds them well, and there is none.
            "--disable-admission-plugins=TaintNodesByCondition",
        )

        def ready() -> bool:
            assert server.running(), server.err()[-2000:]
            try:
                return self.api.call("GET", "/readyz").status == 200
            except OSError:
                return False

        wait_until("the API server is ready", ready, 120)


def _kubeconfig(port: int, certificate: Certificate, token: str) -> dict:
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority": str(certificate.cert_file),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "tests", "user": {"token": token}}],
    }
