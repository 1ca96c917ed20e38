//! What begins: which kinds of conversation, how often, between whom.

use super::conversation::{Conversation, Load};
use super::network::{End, Network};
use crate::random::Random;

/// The conversation that begins at `at_ms`.
pub(super) fn begin(
    network: &mut Network,
    at_ms: u64,
    has_v6: bool,
    random: &mut Random,
) -> Conversation {
    let v6 = random.percent(4) && has_v6;
    match random.below(1000) {
        0..400 => {
            let ends = exchange_ends(network, v6, random);
            let load = Load::exchange(random);
            Conversation::tcp(ends, at_ms, &load, random)
        }
        400..430 => {
            let port = random.of(&[5432, 3306, 6379, 443]);
            let ends = between_enis(network, port, false, random);
            let load = Load::keep_alive(random);
            Conversation::tcp(ends, at_ms, &load, random)
        }
        430..440 => {
            let ends = exchange_ends(network, v6, random);
            let load = Load::bulk(random);
            Conversation::tcp(ends, at_ms, &load, random)
        }
        440..500 => {
            let port = random.of(&[5432, 8080, 9200, 445]);
            let ends = between_enis(network, port, false, random);
            let syns = usize::from(random.small(1, 4));
            Conversation::rejected(ends, at_ms, syns)
        }
        500..680 => {
            let client = Network::client(v6, random);
            let port = random.of(&[22, 23, 445, 3389, 5900, 6379, 8080, 8443, 9200]);
            let ends = [client, network.inside(port, v6, random)];
            Conversation::scan(ends, at_ms, random)
        }
        680..700 => {
            let port = random.of(&[8080, 9000]);
            let ends = between_enis(network, port, v6, random);
            Conversation::refused(ends, at_ms)
        }
        700..900 => {
            let ends = datagram_ends(network, 53, v6, random);
            let bytes = [random.between(56, 90), random.between(80, 500)];
            Conversation::question(ends, at_ms, bytes)
        }
        900..940 => {
            let ends = datagram_ends(network, 123, v6, random);
            Conversation::question(ends, at_ms, [76, 76])
        }
        940..980 => {
            let client = Network::client(false, random);
            let port = random.of(&[1900, 5060, 161, 11211]);
            let ends = [client, network.inside(port, false, random)];
            Conversation::stray(ends, at_ms, random.between(33, 500))
        }
        _ => {
            // AWS adds up pings between the same two hosts, so no two may be.
            let client = Network::client(false, random);
            let ends = [client, network.inside(1, false, random)];
            Conversation::ping(ends, at_ms, random.between(1, 90))
        }
    }
}

/// Of short connections a third stays inside, a third comes in, a third goes out.
fn exchange_ends(network: &mut Network, v6: bool, random: &mut Random) -> [End; 2] {
    match random.below(3) {
        0 => {
            let port = random.of(&[80, 8080, 8443, 443]);
            between_enis(network, port, v6, random)
        }
        1 => {
            let client = Network::client(v6, random);
            [client, network.inside(443, v6, random)]
        }
        _ => {
            let client = network.inside(0, v6, random);
            [client, Network::server(443, v6, random)]
        }
    }
}

/// Half ask a server outside, half one of their own.
fn datagram_ends(network: &mut Network, port: u16, v6: bool, random: &mut Random) -> [End; 2] {
    if random.percent(50) {
        let client = network.inside(0, v6, random);
        [client, Network::server(port, v6, random)]
    } else {
        between_enis(network, port, v6, random)
    }
}

/// Two ends behind two ENIs, both of which log.
fn between_enis(network: &mut Network, port: u16, v6: bool, random: &mut Random) -> [End; 2] {
    let client = network.inside(0, v6, random);
    loop {
        let server = network.inside(port, v6, random);
        if server.eni != client.eni {
            return [client, server];
        }
    }
}
