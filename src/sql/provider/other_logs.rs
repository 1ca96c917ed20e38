//! Files that are surely another log than that of a table, by the name that AWS gave them.
//!
//! Everywhere else the content of a file decides what it is. But a bucket holds many logs, and a query of
//! its few CloudTrail files should not decompress all flow logs. So a file whose whole name is of the
//! form that AWS gives to one log is not opened for the table of another. A file with any other name is.

use crate::archive::s3_path;
use crate::event::BalancerFile;
use crate::table::LogTable;

/// Whether the file at `path` is surely not in this table.
pub(super) fn is_of_other_log(table: LogTable, path: &str) -> bool {
    let is_flow_log = || s3_path::parse(path).is_some_and(|path| path.flow_log.is_some());
    let is_balancer = || BalancerFile::parse(path).is_some_and(|file| is_account(file.account));
    match table {
        LogTable::VpcFlowLogs => is_balancer() || is_trail(path),
        LogTable::CloudTrailLogs => is_flow_log() || is_balancer(),
        LogTable::AlbAccessLogs
        | LogTable::AlbConnectionLogs
        | LogTable::NlbTlsLogs
        | LogTable::ElbLogs => is_flow_log() || is_trail(path),
        LogTable::R53ResolverLogs | LogTable::WafLogs => {
            is_flow_log() || is_balancer() || is_trail(path)
        }
    }
}

/// Whether a file is named `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_HASH.json.gz`.
fn is_trail(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parts: Vec<&str> = name.split('_').collect();
    let [account, "CloudTrail", _, time, hash] = parts[..] else {
        return false;
    };
    is_account(account) && time.len() == 14 && time.ends_with('Z') && hash.contains(".json")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_of_aws_rule_a_file_out() {
        let flow = "a/123456789012_vpcflowlogs_us-east-1_fl-0a1b2c3d_20260314T0200Z_0f.log.gz";
        let balancer = "123456789012_elasticloadbalancing_us-east-1_app.web.5_20260314T0220Z_192.0.2.7_2.log.gz";
        let trail = "123456789012_CloudTrail_us-east-1_20260314T0220Z_Zt5bN0yJ.json.gz";
        let others = |path: &str| {
            let all = LogTable::ALL.into_iter();
            all.filter(|table| !is_of_other_log(*table, path))
                .collect::<Vec<_>>()
        };
        assert_eq!(others(flow), [LogTable::VpcFlowLogs]);
        assert_eq!(others(trail), [LogTable::CloudTrailLogs]);
        assert_eq!(
            others(balancer),
            [
                LogTable::AlbAccessLogs,
                LogTable::AlbConnectionLogs,
                LogTable::NlbTlsLogs,
                LogTable::ElbLogs
            ]
        );
        for path in [
            "vpcflowlogs/flows.log",
            "CloudTrail/events.json",
            "team_CloudTrail_us-east-1_20260314T0220Z_Zt5bN0yJ.json",
            "web_elasticloadbalancing_us-east-1_x",
        ] {
            assert_eq!(others(path).len(), LogTable::ALL.len(), "{path}");
        }
    }
}
