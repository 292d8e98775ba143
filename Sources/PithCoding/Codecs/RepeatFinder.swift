/// Finds pieces of bytes that occurred before, for text and structure.
///
/// A sequence is a run of literals, then a match: `length` bytes that lie `distance` bytes before. A hash of four bytes
/// leads to the latest places they occurred at; up to `depth` of them are compared, and a match one byte later wins if it is
/// longer.
///
/// - Reference: Ziv and Lempel, IEEE Transactions on Information Theory 23 (1977), with hash chains and one step of
///   lazy matching.
/// - Complexity: O(*n* * depth) time, 4 *n* bytes and 256 KiB of memory.
struct RepeatFinder {
    /// Literals and then a copy; the last sequence of a block may have no copy.
    struct Sequence: Equatable {
        let literals: Int
        let length: Int
        let distance: Int
    }

    /// Shortest match that is used.
    static let shortest = 4
    /// Farthest match that is used.
    static let window = 1 << 20
    private static let depth = 48, hashBits = 15

    private let bytes: [UInt8]
    private var head = [Int32](repeating: -1, count: 1 << RepeatFinder.hashBits)
    private var previous: [Int32]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        previous = [Int32](repeating: -1, count: bytes.count)
    }

    /// Cuts the bytes into sequences; literals after the last of them belong to none.
    mutating func sequences() -> [Sequence] {
        var found: [Sequence] = [], position = 0, literalStart = 0
        let last = bytes.count - RepeatFinder.shortest
        while position <= last {
            var match = longest(at: position)
            enter(position)
            guard match.length >= RepeatFinder.shortest else {
                position += 1
                continue
            }
            if position < last, match.length < 64 {
                let later = longest(at: position + 1)
                if later.length > match.length + 1 {
                    position += 1
                    enter(position)
                    match = later
                }
            }
            found.append(
                Sequence(literals: position - literalStart, length: match.length, distance: match.distance))
            let end = position + match.length
            for covered in position + 1..<max(min(end, last + 1), position + 1) { enter(covered) }
            position = end
            literalStart = end
        }
        return found
    }

    private func hash(_ position: Int) -> Int {
        let word =
            UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
            | UInt32(bytes[position + 3]) << 24
        return Int((word &* 2_654_435_761) >> UInt32(32 - RepeatFinder.hashBits))
    }

    private mutating func enter(_ position: Int) {
        let slot = hash(position)
        guard head[slot] < Int32(position) else { return }
        previous[position] = head[slot]
        head[slot] = Int32(position)
    }

    private func longest(at position: Int) -> (length: Int, distance: Int) {
        var best = (length: 0, distance: 0), place = Int(head[hash(position)]), tries = RepeatFinder.depth
        let most = bytes.count - position
        while place >= 0, tries > 0, position - place <= RepeatFinder.window {
            if place < position, best.length < most, bytes[place + best.length] == bytes[position + best.length] {
                var length = 0
                while length < most, bytes[place + length] == bytes[position + length] { length += 1 }
                if length > best.length { best = (length, position - place) }
            }
            place = Int(previous[place])
            tries -= 1
        }
        // A far and short match costs more than its literals.
        return best.length == 4 && best.distance > 1 << 14 ? (0, 0) : best
    }
}
