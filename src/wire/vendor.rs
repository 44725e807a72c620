//! The sets' configuration string in DHCP options 125 and 43.
