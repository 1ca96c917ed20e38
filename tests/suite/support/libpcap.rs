//! tcpdump as the judge of what libpcap reads, where it is installed.
//!
//! As with [`super::tshark`]: where it is not, each test that needs it says so on stderr, and with
//! `FLOW2PCAP_REQUIRE_TCPDUMP=1` its absence is a failure.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Returns the lines that tcpdump prints of a capture, one for each packet; `None`, after naming the test
/// that calls, where there is no tcpdump.
pub(crate) fn tcpdump(capture: &Path) -> Option<Vec<String>> {
    let mut command = Command::new("tcpdump");
    // Without names, and with times in whole seconds since the epoch and their fraction.
    let Ok(output) = command.args(["-n", "-tt", "-r"]).arg(capture).output() else {
        let required =
            std::env::var_os("FLOW2PCAP_REQUIRE_TCPDUMP").is_some_and(|value| value == "1");
        assert!(
            !required,
            "tcpdump is not installed, and FLOW2PCAP_REQUIRE_TCPDUMP=1"
        );
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test").to_owned();
        // println! would be captured; nothing is lost if stderr is closed.
        let _ = writeln!(std::io::stderr(), "left out, for want of tcpdump: {test}");
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}
