//! TCP segments, as far as captures and filters read them (RFC 9293).
