import PithReader

/// Seeded changes of the bodies of frames.
struct Mutation {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    /// SplitMix64.
    private mutating func next(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((word ^ word >> 31) % UInt64(bound))
    }

    /// One of the frames, or the directory's fields, with a few bytes changed.
    mutating func changed(_ frames: SealedFrames, fields: [UInt8]) -> SealedFrames {
        var frames = frames
        switch next(below: 8) {
        case 0: frames.directory = changed(frames.directory)
        case 1...4: frames.store(fields: changed(fields))
        default:
            let block = next(below: frames.blocks.count)
            frames.blocks[block] = changed(frames.blocks[block], isNearFront: next(below: 2) == 0)
        }
        return frames
    }

    private mutating func changed(_ bytes: [UInt8], isNearFront: Bool = false) -> [UInt8] {
        var bytes = bytes
        for _ in 0...next(below: 3) where !bytes.isEmpty {
            let place = next(below: isNearFront ? min(64, bytes.count) : bytes.count)
            switch next(below: 8) {
            case 0: bytes.remove(at: place)
            case 1: bytes.insert(UInt8(next(below: 256)), at: place)
            case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][next(below: 5)]
            case 3:
                bytes.replaceSubrange(place..<place + 1, with: Bytes.number([1 << 20, 1 << 31, .max][next(below: 3)]))
            case 4: bytes[place] &+= next(below: 2) == 0 ? 1 : 255
            case 5: bytes.removeSubrange(place..<min(bytes.count, place + next(below: 16)))
            default: bytes[place] ^= 1 << UInt8(next(below: 8))
            }
        }
        return bytes
    }
}
