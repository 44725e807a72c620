//! Routes by longest prefix: a look-up a prefix length in use, not a walk over the routes.

use std::net::Ipv4Addr;

use crate::ip::endpoint::mask;

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The interface to go out of.
    pub(super) interface: u16,
    /// The next router; `None` if the destination itself is on that link.
    pub(super) via: Option<Ipv4Addr>,
}

/// A routing table.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// The prefix lengths in use, longest first, and the routes of each in order of their prefix.
    by_length: Vec<(u8, Vec<(u32, Target)>)>,
}

impl Routes {
    /// Adds a route. Of two to one prefix the first stays.
    pub(super) fn add(&mut self, prefix: Ipv4Addr, prefix_len: u8, target: Target) {
        let at = self
            .by_length
            .partition_point(|(length, _)| *length > prefix_len);
        if self
            .by_length
            .get(at)
            .is_none_or(|(length, _)| *length != prefix_len)
        {
            self.by_length.insert(at, (prefix_len, Vec::new()));
        }
        let (_, routes) = &mut self.by_length[at];
        let prefix = prefix.to_bits() & mask(prefix_len);
        if let Err(place) = routes.binary_search_by_key(&prefix, |(prefix, _)| *prefix) {
            routes.insert(place, (prefix, target));
        }
    }

    /// The route with the longest prefix that `to` is in.
    pub(super) fn lookup(&self, to: Ipv4Addr) -> Option<Target> {
        self.by_length.iter().find_map(|(length, routes)| {
            let prefix = to.to_bits() & mask(*length);
            let place = routes.binary_search_by_key(&prefix, |(prefix, _)| *prefix);
            place.ok().map(|place| routes[place].1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let target = |interface| Target {
            interface,
            via: None,
        };
        let mut routes = Routes::default();
        routes.add(Ipv4Addr::new(10, 1, 0, 0), 16, target(1));
        routes.add(Ipv4Addr::UNSPECIFIED, 0, target(0));
        routes.add(Ipv4Addr::new(10, 1, 2, 0), 24, target(2));
        routes.add(Ipv4Addr::new(10, 1, 2, 3), 32, target(3));
        let way = |d, c, b, a| {
            routes
                .lookup(Ipv4Addr::new(d, c, b, a))
                .map(|t| t.interface)
        };
        assert_eq!(way(10, 1, 2, 3), Some(3));
        assert_eq!(way(10, 1, 2, 4), Some(2));
        assert_eq!(way(10, 1, 9, 4), Some(1));
        assert_eq!(way(192, 0, 2, 1), Some(0));
        assert_eq!(Routes::default().lookup(Ipv4Addr::LOCALHOST), None);
    }
}
