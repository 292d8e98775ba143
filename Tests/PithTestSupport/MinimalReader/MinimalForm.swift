/// A stored form, read and decoded as the page says.
public struct MinimalForm {
    /// A weight as numbers.
    public struct Weight {
        public let name: String
        public let kind: String
        public let dimensions: [Int]
        public let numbers: [Float]
    }

    /// Numbers with their type code.
    struct Numbers {
        let type: Int
        let dimensions: [Int]
        let bytes: [UInt8]
    }

    private indirect enum Source {
        case array(Int)
        case numbers(Numbers)
        case form(MinimalForm)
    }

    private let kind: String
    private let type: Int
    private let dimensions: [Int]
    private var settings: [String: Int] = [:]
    private var parts: [String: Source] = [:]

    init(_ input: inout MinimalInput, depth: Int) throws {
        try require(depth <= 8, "depth of forms")
        kind = try Self.text(&input)
        (type, dimensions) = try Self.layout(&input)
        for _ in 0..<(try input.varint()) {
            let name = try Self.text(&input)
            try require(settings.updateValue(try input.varint(), forKey: name) == nil, "settings")
        }
        for _ in 0..<(try input.varint()) {
            let name = try Self.text(&input), source: Source
            switch try input.byte() {
            case 1: source = .array(try input.varint())
            case 2:
                let (type, dimensions) = try Self.layout(&input), bits = dimensions.reduce(Self.bits(type), *)
                try require(bits <= 8 * 4096, "written out numbers")
                source = .numbers(
                    Numbers(type: type, dimensions: dimensions, bytes: try input.take((bits + 7) / 8)))
            case 3: source = .form(try MinimalForm(&input, depth: depth + 1))
            default: throw MinimalReader.Refusal(reason: "source")
            }
            try require(parts.updateValue(source, forKey: name) == nil, "parts")
        }
    }

    private static func text(_ input: inout MinimalInput) throws -> String {
        String(decoding: try input.take(try input.varint()), as: UTF8.self)
    }

    private static func layout(_ input: inout MinimalInput) throws -> (Int, [Int]) {
        let type = Int(try input.byte())
        return (type, try (0..<(try input.varint())).map { _ in try input.varint() })
    }

    private static func bits(_ type: Int) -> Int {
        switch type {
        case 1, 13, 17: 32
        case 2, 14, 18, 24: 64
        case 3, 4, 12, 16: 16
        case 25: 128
        case 10, 19, 20: 4
        case 21, 22: 2
        default: 8
        }
    }

    // MARK: Numbers

    /// The weight that the form stands for.
    func weight(named name: String, _ arrays: [MinimalReader.Array]) throws -> Weight {
        Weight(name: name, kind: kind, dimensions: dimensions, numbers: try decoded(arrays).map { Float($0) })
    }

    private func decoded(_ arrays: [MinimalReader.Array]) throws -> [Double] {
        switch kind {
        case "half-floats": return try numbers("numbers", arrays)
        case "grouped-integers": return try grouped(try numbers("levels", arrays), arrays)
        case "tabled-integers": return try grouped(try entries(arrays), arrays)
        case "codebook":
            let values = try numbers("values", arrays)
            return try numbers("indices", arrays).map { index in
                try require(Int(index) < values.count, "index")
                return values[Int(index)]
            }
        case "sparse-values": return try sparse(arrays)
        case "packed-integers": return try packed(arrays)
        default: throw MinimalReader.Refusal(reason: "kind")
        }
    }

    /// The entries of the table that the codes number.
    private func entries(_ arrays: [MinimalReader.Array]) throws -> [Double] {
        let table = try numbers("table", arrays)
        let isFull = settings["bits"].map { table.count == 1 << $0 } ?? [4, 16, 256].contains(table.count)
        try require(isFull && parts["zero-points"] == nil, "table")
        return try numbers("codes", arrays).map { code in
            try require(table.indices.contains(Int(code)), "code")
            return table[Int(code)]
        }
    }

    private func grouped(_ levels: [Double], _ arrays: [MinimalReader.Array]) throws -> [Double] {
        let scales = try numbers("scales", arrays)
        let zeros = parts["zero-points"] == nil ? nil : try numbers("zero-points", arrays)
        var stored = dimensions, groups = dimensions.map { _ in 1 }
        let axis = settings["axis"], block = settings["block"] ?? 1
        if let axis {
            groups = settings["block"] == nil ? groups : dimensions
            groups[axis] = (dimensions[axis] + block - 1) / block
            if settings["padded"] == 1 { stored[axis] = groups[axis] * block }
        }
        try require(levels.count == stored.reduce(1, *) && scales.count == groups.reduce(1, *), "levels")
        return (0..<dimensions.reduce(1, *)).map { place in
            var rest = place, level = 0, group = 0, levelStep = 1, groupStep = 1
            for (index, length) in dimensions.enumerated().reversed() {
                let coordinate = rest % length
                rest /= length
                level += coordinate * levelStep
                levelStep *= stored[index]
                let part = index == axis ? coordinate / block : groups[index] == 1 ? 0 : coordinate
                group += part * groupStep
                groupStep *= groups[index]
            }
            let difference = Float(levels[level] - (zeros?[group] ?? 0))
            return Double(difference * Float(scales[group]))
        }
    }

    private func sparse(_ arrays: [MinimalReader.Array]) throws -> [Double] {
        let values = try numbers("values", arrays), indices = try numbers("indices", arrays).map { Int($0) }
        var all = [Double](repeating: 0, count: dimensions.reduce(1, *))
        let width = values.isEmpty ? 1 : indices.count / values.count
        for (number, value) in values.enumerated() {
            let place = indices[number * width..<(number + 1) * width]
            let offset = width == 1 ? place.first ?? 0 : zip(place, dimensions).reduce(0) { $0 * $1.1 + $1.0 }
            try require(all.indices.contains(offset), "place")
            all[offset] = value
        }
        return all
    }

    private func packed(_ arrays: [MinimalReader.Array]) throws -> [Double] {
        let count = dimensions.reduce(1, *), bits = settings["bits"] ?? 0
        if parts["bytes"] != nil {
            let bytes = try numbers("bytes", arrays).map { Int($0) }
            try require([1, 2, 4, 8].contains(bits) && bytes.count == (count * bits + 7) / 8, "packed bytes")
            return (0..<count).map { index in
                let code = (bytes[index * bits / 8] >> (index * bits % 8)) % (1 << bits)
                return Double(code - (settings["offset"] ?? 0))
            }
        }
        var codes = [Int](repeating: 0, count: count), shift = 0
        for width in [4, 2, 1] where parts["bits-\(width)"] != nil {
            let bytes = try numbers("bits-\(width)", arrays).map { Int($0) }
            try require(bytes.count == (count * width + 7) / 8, "packed bytes")
            for index in 0..<count {
                let run = bytes[index % bytes.count] >> (index / bytes.count * width)
                codes[index] += run % (1 << width) * (1 << shift)
            }
            shift += width
        }
        try require(shift == bits, "packed bits")
        return codes.map { Double($0 - (settings["offset"] ?? 0)) }
    }

    private func numbers(_ part: String, _ arrays: [MinimalReader.Array]) throws -> [Double] {
        switch parts[part] {
        case .array(let index):
            try require(index < arrays.count && arrays[index].type != 0, "array")
            let array = arrays[index]
            return try Numbers(type: array.type, dimensions: array.dimensions, bytes: array.bytes).decoded()
        case .numbers(let numbers): return try numbers.decoded()
        case .form(let form): return try form.decoded(arrays)
        case nil: throw MinimalReader.Refusal(reason: "part")
        }
    }
}

extension MinimalForm.Numbers {
    /// The numbers one by one.
    func decoded() throws -> [Double] {
        let count = dimensions.reduce(1, *)
        func word(_ index: Int, _ width: Int) -> UInt64 {
            bytes[index * width..<(index + 1) * width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        func packed(_ index: Int, _ bits: Int) -> Int {
            Int(bytes[index * bits / 8] >> UInt8(index * bits % 8)) % (1 << bits)
        }
        func signed(_ value: Int, _ bits: Int) -> Int { value >= 1 << (bits - 1) ? value - 1 << bits : value }
        return try (0..<count).map { index in
            switch type {
            case 1: return Double(Float(bitPattern: UInt32(word(index, 4))))
            case 3: return Self.half(UInt16(word(index, 2)))
            case 4: return Double(Float(bitPattern: UInt32(word(index, 2)) << 16))
            case 11: return Double(Int8(truncatingIfNeeded: word(index, 1)))
            case 12: return Double(Int16(truncatingIfNeeded: word(index, 2)))
            case 13: return Double(Int32(truncatingIfNeeded: word(index, 4)))
            case 14: return Double(Int64(truncatingIfNeeded: word(index, 8)))
            case 15: return Double(word(index, 1))
            case 16: return Double(word(index, 2))
            case 19: return Double(signed(packed(index, 4), 4))
            case 20: return Double(packed(index, 4))
            case 21: return Double(signed(packed(index, 2), 2))
            case 22: return Double(packed(index, 2))
            default: throw MinimalReader.Refusal(reason: "type of a part")
            }
        }
    }

    /// The value of a 16-bit float of IEEE 754.
    private static func half(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 31), fraction = Double(bits & 1023)
        let size: Double
        switch exponent {
        case 0: size = fraction * 0x1p-24
        case 31: size = fraction == 0 ? .infinity : .nan
        default: size = (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
        }
        return bits >> 15 == 1 ? -size : size
    }
}
