//! The interfaces of this machine, for a user who has to name one.

use pnet_datalink::NetworkInterface;

/// The names of the interfaces, of the namespace that this process is in.
pub(super) fn names() -> Vec<String> {
    let all = pnet_datalink::interfaces().into_iter();
    all.map(|interface| interface.name).collect()
}

/// The interfaces of the namespace that this process is in, one line each: name, state, MAC, addresses.
pub fn describe_interfaces() -> Vec<String> {
    pnet_datalink::interfaces().iter().map(describe).collect()
}

fn describe(interface: &NetworkInterface) -> String {
    let mut words = vec![interface.name.clone()];
    words.push(state(interface).to_owned());
    words.extend(interface.mac.map(|mac| mac.to_string()));
    words.extend(interface.ips.iter().map(ToString::to_string));
    words.join(" ")
}

/// Up in full only with a carrier (`IFF_RUNNING`, netdevice(7)): without one nothing is sent or heard.
fn state(interface: &NetworkInterface) -> &'static str {
    match (interface.is_up(), interface.is_running()) {
        (true, true) => "up",
        (true, false) => "up, no carrier,",
        (false, _) => "down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_that_is_out_shows() {
        let described = |flags: i32| {
            let flags = flags as u32;
            let (name, description) = ("eth1".to_owned(), String::new());
            describe(&NetworkInterface {
                name,
                description,
                index: 2,
                mac: Some(pnet_datalink::MacAddr::new(2, 0, 0, 0, 0, 1)),
                ips: Vec::new(),
                flags,
            })
        };
        assert_eq!(described(0), "eth1 down 02:00:00:00:00:01");
        assert_eq!(
            described(libc::IFF_UP),
            "eth1 up, no carrier, 02:00:00:00:00:01"
        );
        assert_eq!(
            described(libc::IFF_UP | libc::IFF_RUNNING),
            "eth1 up 02:00:00:00:00:01"
        );
    }
}
