//! The rules that infer what no record says, by name.
//!
//! In the published program every rule applies, and [`InferenceRule::applies`] is a constant. A build with
//! the feature `ablation` leaves out the rule that the environment variable `FLOW2PCAP_WITHOUT` names, so
//! that `benches/fidelity/rules` can measure what each rule is good for. It also takes other numbers for
//! some rules from `FLOW2PCAP_FITTED`, for `benches/fidelity/fit_order`. These are no settings for users,
//! and no rule is described here: each one is where it applies.

/// A rule that infers what no record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InferenceRule {
    /// The side whose records end later closed first.
    SendsLast,
    /// The side that sent RSTs in addition to its FIN closed first.
    Resets,
    /// A mail server closes first.
    HangsUp,
    /// The count of packets says who closed first.
    ExtraPacket,
    /// Data makes room for the ACK of the other FIN.
    AckOfFin,
    /// A RST crosses the FIN of the other side.
    RstCrosses,
    /// Some packets after FIN and RST are further RSTs.
    FurtherRsts,
    /// Handshake and close are presumed without flags.
    PresumedFlags,
    /// The request follows the handshake at once.
    Request,
    /// Some services speak first.
    Greeting,
    /// Packets are sent while both sides are active.
    ActiveTime,
    /// The initiator waits for the response after its request.
    Response,
    /// What the initiator sends last in a record says how much of the response is left.
    LastOfRecord,
    /// Data is divided until ACKs have something to acknowledge.
    SmallSegments,
    /// Silence separates conversations without flags.
    Silence,
    /// Only what the initiator sent is rejected.
    Verdict,
    /// The lower class of port is that of the service.
    Ports,
    /// A reserved port may be that of an RPC client.
    RpcClients,
    /// What leaves the ENI is from the initiator.
    Direction,
    /// Over UDP, a question comes before its answer.
    Questions,
    /// Questions that are seconds apart are answered in turn.
    InTurn,
    /// A side with many more packets waits for none.
    Stream,
    /// Few answers come early.
    FewAnswers,
}

#[cfg(not(feature = "ablation"))]
impl InferenceRule {
    /// Whether the rule applies: always.
    #[inline]
    pub(super) const fn applies(self) -> bool {
        true
    }
}

#[cfg(feature = "ablation")]
impl InferenceRule {
    /// Whether the rule applies: unless it is the one to leave out.
    pub(super) fn applies(self) -> bool {
        let without = std::env::var("FLOW2PCAP_WITHOUT");
        !without.is_ok_and(|without| without == format!("{self:?}"))
    }
}

/// Returns a number of a rule that was fitted to captures: `value`, in the published program.
#[cfg(not(feature = "ablation"))]
#[inline]
pub(super) const fn fitted(_rule: &str, _number: &str, value: u64) -> u64 {
    value
}

/// Returns a number of a rule that was fitted to captures: the one that `FLOW2PCAP_FITTED` has, as in
/// `ASKS.lead=300,ASKS.tail=1200`, otherwise `value`.
#[cfg(feature = "ablation")]
pub(super) fn fitted(rule: &str, number: &str, value: u64) -> u64 {
    let given = std::env::var("FLOW2PCAP_FITTED").unwrap_or_default();
    let name = format!("{rule}.{number}");
    let pairs = given.split(',').filter_map(|pair| pair.split_once('='));
    let found = pairs
        .filter(|(of, _)| *of == name)
        .find_map(|(_, v)| v.parse().ok());
    found.unwrap_or(value)
}
