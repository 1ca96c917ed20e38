//! Small logs of connection attempts, as several ENIs see them.

/// The columns of [`log`].
const COLUMNS: &str = "interface-id subnet-id az-id srcaddr dstaddr srcport dstport protocol packets bytes start \
                       end action tcp-flags flow-direction reject-reason traffic-path log-status";

/// When the logs begin.
const BEGIN: u64 = 1_773_454_500;

/// One row: `ENI egress|ingress source destination sport dport packets second action flags`, and a
/// reason and a `traffic-path` if there are. The second counts from the begin; ENIs `NAME/SUBNET` stand in that subnet.
fn row(words: &str) -> String {
    let w: Vec<&str> = words.split_whitespace().collect();
    let (eni, subnet) = w[0].split_once('/').unwrap();
    let packets: u64 = w[6].parse().unwrap();
    let start = BEGIN + w[7].parse::<u64>().unwrap();
    let end = start + if packets > 1 { 7 } else { 0 };
    let [reason, path] = [10, 11].map(|index| w.get(index).unwrap_or(&"-"));
    format!(
        "eni-{eni} subnet-{subnet} az-{subnet} {} {} {} {} 6 {packets} {} {start} {end} {} {} {} {reason} {path} OK\n",
        w[2],
        w[3],
        w[4],
        w[5],
        packets * 60,
        w[8],
        w[9],
        w[1]
    )
}

/// A log of these rows, and of a clean connection long after.
pub(crate) fn log(rows: &[String]) -> String {
    // A clean connection long after, so that the archive does not end with what is looked at.
    let after = [
        "calm/z egress 10.9.0.1 10.9.0.2 40000 443 9 500000 ACCEPT 3",
        "calm/z ingress 10.9.0.2 10.9.0.1 443 40000 9 500000 ACCEPT 19",
    ];
    let rows = rows.iter().map(String::as_str).chain(after).map(row);
    std::iter::once(format!("{COLUMNS}\n"))
        .chain(rows)
        .collect()
}

/// `count` attempts, a minute apart; `{s}` stands for the second and `{p}` for the initiator's port.
pub(crate) fn often(count: u64, rows: &[&str]) -> Vec<String> {
    let attempt = |i: u64| {
        let (second, port) = ((i * 60).to_string(), (41_000 + i * 37).to_string());
        rows.iter()
            .map(move |row| row.replace("{s}", &second).replace("{p}", &port))
    };
    (0..count).flat_map(attempt).collect()
}
