/// Decodes planes of bytes; its properties say which modes may stand where the plane does.
struct PlaneDecoder: Sendable {
    var classes: ElementClasses?
    var allowsRepeats = false

    /// The `count` bytes of the plane that comes next.
    func decoded(_ input: inout ByteReader, count: Int) throws(ReaderError) -> [UInt8] {
        let mode = try input.byte()
        switch mode {
        case 0: return try input.take(count)
        case 1: return [UInt8](repeating: try input.byte(), count: count)
        case 2: return try SymbolDecoder.decoded(&input, runs: [count])
        case 3:
            guard let classes else { break }
            return classes.scattered(try SymbolDecoder.decoded(&input, runs: classes.sizes))
        case 4:
            guard allowsRepeats else { break }
            return try Self.repeats(&input, count)
        case 5:
            guard let classes else { break }
            var ordered: [UInt8] = []
            ordered.reserveCapacity(count)
            for size in classes.sizes { ordered += try PlaneDecoder().decoded(&input, count: size) }
            return classes.scattered(ordered)
        default: break
        }
        throw input.failure("Plane mode \(mode) may not stand here.")
    }

    /// Literals, and copies of what came before.
    private static func repeats(_ input: inout ByteReader, _ count: Int) throws(ReaderError) -> [UInt8] {
        let sequences = try input.number(), literalCount = try input.number()
        let lengthCount = try input.number(), distanceCount = try input.number()
        // A sequence makes at least four bytes; its lengths are below 2^28, its distance is below 2^21.
        let isPossible =
            sequences <= count / 4 && literalCount <= count && lengthCount <= 8 * sequences
            && distanceCount <= 3 * sequences
        try input.require(isPossible, "Repeats announce more than \(count) bytes can need.")
        let plane = PlaneDecoder()
        let literals = try plane.decoded(&input, count: literalCount)
        var lengths = ByteReader(try plane.decoded(&input, count: lengthCount), subject: input.subject)
        var distances = ByteReader(try plane.decoded(&input, count: distanceCount), subject: input.subject)
        var output = [UInt8](repeating: 0, count: count), place = 0, taken = 0
        for _ in 0..<sequences {
            let run = try lengths.number(), length = try lengths.number(), distance = try distances.number()
            try input.require(run <= literals.count - taken, "Repeats take more literals than there are.")
            try input.require(
                run <= count - place && length <= count - place - run - 4, "Repeats make more than \(count) bytes.")
            for offset in 0..<run { output[place + offset] = literals[taken + offset] }
            (place, taken) = (place + run, taken + run)
            try input.require(
                distance >= 1 && distance <= min(place, 1 << 20), "A repeat reaches \(distance) bytes back.")
            for offset in place..<place + length + 4 { output[offset] = output[offset - distance] }
            place += length + 4
        }
        try lengths.finish()
        try distances.finish()
        try input.require(literals.count - taken == count - place, "Repeats do not make \(count) bytes.")
        for offset in 0..<count - place { output[place + offset] = literals[taken + offset] }
        return output
    }
}
