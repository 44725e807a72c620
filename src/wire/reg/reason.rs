//! Why: the closed list of reasons, with their codes and words.
//!
//! Codes 1 to 99 are about a registration, codes from 100 on about the conversation itself. A code that
//! is not in the list is kept.

use std::fmt;

/// Why an element asks, clears, resets or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The set has no PIN, and its MAC is unknown (RG-1).
    NoPin,
    /// The PIN that was typed starts with neither access code (RG-2).
    InvalidAccessCode,
    /// The DN has another MAC (RG-5).
    DnInUse,
    /// The DN is neither local nor in Remote Directory Numbers (RG-10).
    UnknownDn,
    /// Remote Directory Numbers has the DN without CEID digits (CL-2, first look-up).
    NoCeid,
    /// Cluster Elements has no ICP/PBX number for the CEID digits (CL-2, second look-up).
    NoIcpNumber,
    /// ICP/PBX Networking has no address for the ICP/PBX number (CL-2, third look-up).
    NoAddress,
    /// The PBX number in ICP/PBX Networking is not the element's CEID index (CL-3).
    CeidMismatch,
    /// No trunk leads to the DN's element (CL-5).
    NoTrunk,
    /// The replacement code works only where the DN has a MAC (RG-8).
    ReplacementNeedsMac,
    /// The stored PIN names another DN than the one that has this MAC (RG-12).
    PinNoLongerValid,
    /// The automatic range has no free DN (RG-13).
    RangeExhausted,
    /// One more redirect would be more than a registration may follow (CL-8).
    TooManyRedirects,
    /// The access code of the stored PIN is not, or no longer, the element's (RG-14).
    AccessCodeNotValid,
    /// Another set took the DN with the replacement code (RG-6).
    Replaced,
    /// The DN was deleted from the Telephone Directory (AD-1).
    DnDeleted,
    /// The MAC was deleted from the database (AD-3, AD-4).
    MacDeleted,
    /// The DN or MAC was deleted from Multiline IP Sets (AD-5).
    SetDeleted,
    /// The DN was moved to another element, and a synchronisation has said so (AD-7).
    DnMoved,
    /// The bytes are no message, or a message lacks what it must have.
    Malformed,
    /// A version that the reader does not speak.
    UnsupportedVersion,
    /// A message that has no place at this point of the conversation.
    UnexpectedMessage,
    /// Nothing was said for too long.
    TimedOut,
    /// A code that is not in the list.
    Other(u16),
}

impl Reason {
    /// Every reason of the list, its code, and its words: a lower-case fragment.
    pub const ALL: &[(Reason, u16, &str)] = &[
        (Reason::NoPin, 1, "no PIN"),
        (Reason::InvalidAccessCode, 2, "invalid access code"),
        (Reason::DnInUse, 3, "DN in use by another set"),
        (Reason::UnknownDn, 4, "unknown DN"),
        (Reason::NoCeid, 5, "no CEID digits for the DN"),
        (
            Reason::NoIcpNumber,
            6,
            "no ICP/PBX number for the CEID digits",
        ),
        (Reason::NoAddress, 7, "no address for the ICP/PBX number"),
        (
            Reason::CeidMismatch,
            8,
            "PBX number differs from the CEID index",
        ),
        (Reason::NoTrunk, 9, "no trunk to the DN's element"),
        (
            Reason::ReplacementNeedsMac,
            10,
            "replacement code needs a MAC at the DN",
        ),
        (Reason::PinNoLongerValid, 11, "PIN no longer valid"),
        (
            Reason::RangeExhausted,
            12,
            "no free DN in the automatic range",
        ),
        (Reason::TooManyRedirects, 13, "too many redirects"),
        (
            Reason::AccessCodeNotValid,
            14,
            "access code of the stored PIN not valid here",
        ),
        (Reason::Replaced, 15, "replaced by another set"),
        (Reason::DnDeleted, 16, "DN deleted"),
        (Reason::MacDeleted, 17, "MAC deleted"),
        (Reason::SetDeleted, 18, "deleted from Multiline IP Sets"),
        (Reason::DnMoved, 19, "DN moved to another element"),
        (Reason::Malformed, 100, "malformed message"),
        (Reason::UnsupportedVersion, 101, "unsupported version"),
        (Reason::UnexpectedMessage, 102, "unexpected message"),
        (Reason::TimedOut, 103, "timed out"),
    ];

    /// The reason's code on the wire.
    pub fn code(self) -> u16 {
        if let Reason::Other(code) = self {
            return code;
        }
        self.row().map_or(0, |(_, code, _)| *code)
    }

    /// The reason with this code.
    pub fn from_code(code: u16) -> Reason {
        let row = Self::ALL.iter().find(|(_, of, _)| *of == code);
        row.map_or(Reason::Other(code), |(reason, ..)| *reason)
    }

    fn row(self) -> Option<&'static (Reason, u16, &'static str)> {
        Self::ALL.iter().find(|(reason, ..)| *reason == self)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some((_, _, text)) => f.write_str(text),
            None => write!(f, "code {}", self.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_from_its_code() {
        for (reason, code, _) in Reason::ALL {
            assert_eq!(reason.code(), *code);
            assert_eq!(Reason::from_code(*code), *reason);
        }
        assert_eq!(Reason::from_code(999), Reason::Other(999));
        assert_eq!(Reason::Other(999).code(), 999);
    }
}
