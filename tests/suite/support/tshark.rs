//! tshark as the judge, where it is installed.
//!
//! Where it is not, each test that needs it says on stderr that it was left
//! out, past the harness, which hides what passing tests print. With
//! `FLOW2PCAP_REQUIRE_TSHARK=1` in the environment its absence is a failure.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// tshark and capinfos, known to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tshark(());

/// tshark; `None`, after naming the test that calls, where there is none.
pub(crate) fn tshark() -> Option<Tshark> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let answers = |program| Command::new(program).arg("--version").output().is_ok();
    if *FOUND.get_or_init(|| answers("tshark") && answers("capinfos")) {
        return Some(Tshark(()));
    }
    let required = std::env::var_os("FLOW2PCAP_REQUIRE_TSHARK").is_some_and(|value| value == "1");
    assert!(
        !required,
        "tshark and capinfos are not installed, and FLOW2PCAP_REQUIRE_TSHARK=1"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    // println! would be captured; nothing is lost if stderr is closed.
    let _ = writeln!(std::io::stderr(), "left out, for want of tshark: {test}");
    None
}

impl Tshark {
    /// The values of `fields` in each frame that `filter` lets through.
    ///
    /// Several values of one field in a frame are joined by commas.
    pub(crate) fn fields(self, capture: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut command = Command::new("tshark");
        command.args(["-n", "-T", "fields", "-E", "separator=/t"]);
        for field in fields {
            command.args(["-e", field]);
        }
        if !filter.is_empty() {
            command.args(["-Y", filter]);
        }
        let lines = stdout(command.arg("-r").arg(capture));
        lines
            .lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect()
    }

    /// The name of each address in the packets that has one, as `address name`, in order of the texts.
    pub(crate) fn names(self, capture: &Path) -> Vec<String> {
        let mut command = Command::new("tshark");
        command.args(["-N", "n", "-T", "fields", "-E", "separator=/t"]);
        for protocol in ["ip", "ipv6"] {
            for end in ["src", "dst"] {
                command.args(["-e", &format!("{protocol}.{end}")]);
                command.args(["-e", &format!("{protocol}.{end}_host")]);
            }
        }
        let lines = stdout(command.arg("-r").arg(capture));
        let cells = lines.lines().map(|line| line.split('\t').collect());
        let cells: Vec<Vec<&str>> = cells.collect();
        let pairs = cells.iter().flat_map(|cells| cells.chunks_exact(2));
        let named = pairs.filter(|pair| pair[0] != pair[1]);
        let mut names: Vec<String> = named.map(|pair| pair.join(" ")).collect();
        names.sort();
        names.dedup();
        names
    }

    /// How many frames `filter` lets through.
    pub(crate) fn count(self, capture: &Path, filter: &str) -> usize {
        self.fields(capture, filter, &["frame.number"]).len()
    }

    /// What capinfos says of the whole file, with `options`.
    pub(crate) fn capinfos(self, capture: &Path, options: &[&str]) -> String {
        stdout(Command::new("capinfos").args(options).arg(capture))
    }
}

/// Standard output of a command that must succeed.
fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
