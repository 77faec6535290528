"""Where the components listen, inside the cluster's network. Those of the mesh are in `envoy`."""

ETCD_URL = "http://127.0.0.1:2379"
ETCD_PEER_URL = "http://127.0.0.1:2380"
API_SERVER_PORT = 6443
API_SERVER_URL = f"https://127.0.0.1:{API_SERVER_PORT}"
KWOK = "127.0.0.1:10247"
ISTIOD_HTTP = "127.0.0.1:15080"
ISTIOD_WEBHOOK = "127.0.0.1:15017"
ISTIOD_MONITORING = "127.0.0.1:15014"
PROMETHEUS = "127.0.0.1:9090"
PROMETHEUS_URL = f"http://{PROMETHEUS}"
