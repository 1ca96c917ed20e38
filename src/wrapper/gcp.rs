//! GCP VPC Flow Logs: entries of Cloud Logging.
//!
//! An entry counts one direction of a connection, as seen by one of its two sides (`reporter`): a
//! machine, or a gateway such as a VPN tunnel. That side serves as the ENI. There are no TCP flags,
//! the packets are a sample, and `bytes_sent` counts the payload only. The names that Kubernetes Engine
//! adds for its side (pod, service, cluster) are its tags. The machine, the pod and the workload at both
//! ends are names of their addresses.
//! <https://cloud.google.com/vpc/docs/about-flow-logs-records>

use super::batch::{NamedValues, cell};
use super::json::Json;

/// Whether this is such an entry, or the payload of one.
pub(super) fn is_entry(value: &Json<'_>) -> bool {
    let is_flow = |payload: &Json<'_>| payload.at(&["connection", "src_ip"]).is_some();
    if value.get("jsonPayload").is_some_and(is_flow) {
        return true;
    }
    let counts = ["packets_sent", "bytes_sent"];
    is_flow(value) && counts.iter().all(|name| value.get(name).is_some())
}

/// Returns the record in the entry.
pub(super) fn row<'a>(entry: &Json<'a>) -> NamedValues<'a> {
    let payload = entry.get("jsonPayload").unwrap_or(entry);
    let word = |name: &str| payload.get(name).and_then(Json::text).unwrap_or("");
    let is_source = word("reporter").starts_with("SRC");
    let of = |[source, destination]: [&str; 2], name: &str| {
        cell(
            payload,
            &[[if is_source { source } else { destination }, name]],
        )
    };
    let instance = |name| of(["src_instance", "dest_instance"], name);
    let gateway = |name| of(["src_gateway", "dest_gateway"], name);
    let network = |name| of(["src_vpc", "dest_vpc"], name);
    let connection = |name| cell(payload, &[["connection", name]]);
    // Entries without metadata have no names.
    let own_address = || match word("reporter") {
        "SRC" => connection("src_ip"),
        "DEST" => connection("dest_ip"),
        _ => None,
    };
    let vm = instance("vm_name").filter(|name| name.text() != Some(""));
    let eni = vm.clone().or_else(|| gateway("name")).or_else(own_address);
    let action = if word("disposition") == "DROPPED" {
        "REJECT"
    } else {
        "ACCEPT"
    };
    let direction = match word("reporter") {
        "" => "",
        _ if is_source => "egress",
        _ => "ingress",
    };
    let project = |name| {
        instance(name)
            .or_else(|| gateway(name))
            .or_else(|| network(name))
    };
    let mut row = vec![
        ("account-id", project("project_id")),
        ("interface-id", eni),
        ("srcaddr", connection("src_ip")),
        ("dstaddr", connection("dest_ip")),
        ("srcport", connection("src_port")),
        ("dstport", connection("dest_port")),
        ("protocol", connection("protocol")),
        ("packets", payload.get("packets_sent").cloned()),
        ("bytes", payload.get("bytes_sent").cloned()),
        ("start", payload.get("start_time").cloned()),
        ("end", payload.get("end_time").cloned()),
        ("action", Some(Json::word(action))),
        ("flow-direction", Some(Json::word(direction))),
        ("vpc-id", network("vpc_name")),
        ("subnet-id", network("subnetwork_name")),
        ("instance-id", vm),
        ("region", instance("region").or_else(|| gateway("location"))),
        ("az-id", instance("zone")),
        ("interface-type", gateway("type")),
        ("rtt-msec", payload.get("rtt_msec").cloned()),
    ];
    row.extend(names(payload, is_source));
    row
}

/// Returns the names that Kubernetes Engine adds for the side of the reporter, and those of both ends.
fn names<'a>(payload: &Json<'_>, is_source: bool) -> NamedValues<'a> {
    let sides = [
        [
            "src_gke_details",
            "src_instance",
            "src-pod",
            "src-workload",
            "src-machine",
        ],
        [
            "dest_gke_details",
            "dest_instance",
            "dst-pod",
            "dst-workload",
            "dst-machine",
        ],
    ];
    let [details, ..] = sides[usize::from(!is_source)];
    let own = payload.get(details).map(engine_names);
    let mut names = own.unwrap_or_default();
    for [details, instance, pod, workload, machine] in sides {
        names.extend(end_names(
            payload,
            [details, instance],
            [pod, workload, machine],
        ));
    }
    names
}

/// Returns the names of the pod, the workload and the machine at one end, which has its details in these
/// members, in columns with these names: `shop/cart-5d9f`, `shop/cart`, `gke-prod-1`.
fn end_names<'a>(
    payload: &Json<'_>,
    [details, instance]: [&str; 2],
    columns: [&'static str; 3],
) -> NamedValues<'a> {
    let pod = payload.at(&[details, "pod"]);
    let namespace = "pod_namespace";
    let name = pod.and_then(|pod| qualified(pod, namespace, &["pod_name"]));
    let workload =
        pod.and_then(|pod| qualified(pod, namespace, &["pod_workload", "workload_name"]));
    let values = [name, workload, text_at(payload, &[instance, "vm_name"])];
    let values = values.map(|text| text.map(|text| Json::word(&text)));
    columns.into_iter().zip(values).collect()
}

/// Returns the text at a path in an object, after the namespace that the object names; `None` if there
/// is no such text.
fn qualified(value: &Json<'_>, namespace: &str, path: &[&str]) -> Option<String> {
    let name = text_at(value, path)?;
    let space = text_at(value, &[namespace]);
    Some(space.map_or(name.clone(), |space| format!("{space}/{name}")))
}

/// Returns the text at a path in an object; `None` if it is empty or something else.
fn text_at(value: &Json<'_>, path: &[&str]) -> Option<String> {
    let text = value.at(path).and_then(Json::text);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the names of a pod, its services and its cluster as tags: `shop/cart-5d9f`, `shop/cart`,
/// `prod`. The names of several services are joined.
fn engine_names<'a>(details: &Json<'_>) -> NamedValues<'a> {
    let pod = details.get("pod");
    let pod = pod.and_then(|pod| qualified(pod, "pod_namespace", &["pod_name"]));
    let services = details.get("service").and_then(Json::elements);
    let services: Vec<String> = services
        .unwrap_or_default()
        .iter()
        .filter_map(|service| qualified(service, "service_namespace", &["service_name"]))
        .collect();
    let services = (!services.is_empty()).then(|| services.join(","));
    let cluster = details.get("cluster");
    let cluster = cluster.and_then(|cluster| text_at(cluster, &["cluster_name"]));
    let tag = |text: Option<String>| text.map(|text| Json::word(&text));
    vec![
        ("instance-tag", tag(pod)),
        ("interface-tag", tag(services)),
        ("asg-tag", tag(cluster)),
    ]
}
