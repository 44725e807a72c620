//! The capture file that the referee reads.

/// The links that the frames alternate between.
pub(super) const INTERFACES: [&str; 2] = ["hq", "branch"];

/// A pcapng file of these frames, seen on [`INTERFACES`] in turn.
pub(super) fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    const SECTION: u32 = 0x0a0d_0d0a;
    const INTERFACE: u32 = 1;
    const PACKET: u32 = 6;

    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file = block(SECTION, words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    for name in INTERFACES {
        let mut body: Vec<u8> = words(&[1, 0]);
        body.extend([2, 0, u8::try_from(name.len()).unwrap(), 0]);
        body.extend(name.as_bytes());
        file.extend(block(INTERFACE, body));
    }
    for (number, frame) in frames.iter().enumerate() {
        let len = u32::try_from(frame.len()).unwrap();
        let interface = u32::try_from(number % INTERFACES.len()).unwrap();
        let micros = u32::try_from(number * 10_000).unwrap();
        let mut body: Vec<u8> = words(&[interface, 0, micros, len, len]);
        body.extend(frame);
        file.extend(block(PACKET, body));
    }
    file
}

fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
    body.resize(body.len().next_multiple_of(4), 0);
    let len = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &len, &body, &len].concat()
}
