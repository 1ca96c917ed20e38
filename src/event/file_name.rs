//! Facts in the name of a load balancer's log file.
//!
//! AWS names them `ACCOUNT_elasticloadbalancing_REGION_BALANCER_END_…`. `END` is the end of the
//! interval. The address of the node comes next in files of Application and Classic Load Balancers.
//! Connection logs begin with `conn_log.` or `conn_log_`. Archives get moved, so folders are ignored.

use std::net::IpAddr;

/// Facts in the name of a load balancer's log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalancerFile<'a> {
    /// The account that owns the load balancer.
    pub account: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Its name: `app.NAME.ID`, `net.NAME.ID`, or only the name of a Classic Load Balancer.
    pub balancer: &'a str,
    /// The address of its node. It is the public one if the load balancer is internet-facing, while
    /// flow logs have the private one.
    pub node: Option<IpAddr>,
}

impl<'a> BalancerFile<'a> {
    /// Parses a path; `None` if the file is not named as AWS names them.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::event::BalancerFile;
    ///
    /// let name = "123456789012_elasticloadbalancing_eu-central-1_app.web.50dc_20260314T0220Z_10.0.1.9_2abc.log.gz";
    /// let file = BalancerFile::parse(name).ok_or("not recognized")?;
    /// assert_eq!(file.balancer, "app.web.50dc");
    /// assert_eq!(file.node, Some("10.0.1.9".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(path: &'a str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next()?;
        let (account, rest) = name.split_once("_elasticloadbalancing_")?;
        let account = account.strip_prefix("conn_log").unwrap_or(account);
        let mut parts = rest.split('_');
        let region = parts.next().filter(|region| !region.is_empty())?;
        let balancer = parts.next().filter(|balancer| !balancer.is_empty())?;
        let node = parts.nth(1).and_then(|text| text.parse().ok());
        Some(Self {
            account: account.trim_start_matches(['.', '_']),
            region,
            balancer,
            node,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_log_has_the_same_facts() {
        let name = "a/conn_log.123456789012_elasticloadbalancing_us-east-1_app.web.5_20260314T0220Z_192.0.2.7_2.log.gz";
        let file = BalancerFile::parse(name).unwrap();
        assert_eq!((file.account, file.region), ("123456789012", "us-east-1"));
        assert_eq!(file.node, Some("192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn file_of_a_network_load_balancer_has_no_node() {
        let name = "123456789012_elasticloadbalancing_us-east-1_net.web.5_20260314T0220Z_aa.log.gz";
        assert_eq!(BalancerFile::parse(name).unwrap().node, None);
        assert_eq!(BalancerFile::parse("alb.log"), None);
        assert_eq!(BalancerFile::parse("a_elasticloadbalancing_"), None);
    }
}
