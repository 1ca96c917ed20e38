//! The options that decide which packets a capture has, and not how they are written. Runs that share an
//! archive need the same ones in all steps.

use clap::{Args as ClapArgs, ValueEnum};
use flow2pcap::flow::Addresses;
use flow2pcap::pipeline::{Convert, EventsChoice, VantageChoice};

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ViewArgs {
    /// Which ENI's records to use when several logged a connection: auto, all, or an ENI
    ///
    /// With all, every packet appears once for each ENI that logged it, and Wireshark calls the
    /// second one a retransmission. Wireshark analyzes all packets of a file, whatever the display
    /// filter. To look at one ENI, write its packets to a file of their own with
    /// `tshark -r all.pcapng -Y 'frame.interface_name == "eni-..."' -w one.pcapng`,
    /// or use --vantage eni-... instead of all.
    #[arg(long, value_name = "VIEW", default_value = "auto", value_parser = parse_vantage)]
    vantage: VantageChoice,

    /// Which addresses to use: those of the packet (pkt-srcaddr) or those of the ENI (srcaddr)
    #[arg(long, value_enum, default_value_t = AddressChoice::Packet)]
    addresses: AddressChoice,

    /// What to do with load balancer logs, CloudTrail and DNS query logs among the inputs
    ///
    /// With comments, the packet nearest in time says what the load balancer logged
    /// (alb=502 target=10.0.2.7:8080 "GET /api"), if exactly one connection fits. The first packet
    /// that is rejected after an API call says who changed its network interface, instance, subnet,
    /// VPC or, with --context, its security group. With frames, every event is also a frame on an
    /// interface of its own: requests as HTTP, DNS queries as packets, API calls as JSON. URLs are
    /// written without their query. With none, these files are left out.
    #[arg(long, value_enum, default_value_t = EventChoice::Comments)]
    events: EventChoice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AddressChoice {
    Packet,
    Interface,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EventChoice {
    /// Leave these files out
    None,
    /// Comments at the packets that they are about
    Comments,
    /// Comments, and frames of their own between the packets
    Frames,
}

impl ViewArgs {
    /// Whether packets have the addresses that a diagnosis uses.
    pub(crate) fn has_packet_addresses(&self) -> bool {
        matches!(self.addresses, AddressChoice::Packet)
    }

    /// Sets these options of a conversion.
    pub(crate) fn apply_to(&self, convert: &mut Convert) {
        convert.vantage = self.vantage.clone();
        convert.addresses = match self.addresses {
            AddressChoice::Packet => Addresses::Packet,
            AddressChoice::Interface => Addresses::Interface,
        };
        convert.events = match self.events {
            EventChoice::None => EventsChoice::None,
            EventChoice::Comments => EventsChoice::Comments,
            EventChoice::Frames => EventsChoice::Frames,
        };
    }
}

fn parse_vantage(text: &str) -> Result<VantageChoice, String> {
    Ok(match text {
        "auto" => VantageChoice::Auto,
        "all" => VantageChoice::All,
        name => VantageChoice::Eni(name.to_owned()),
    })
}
