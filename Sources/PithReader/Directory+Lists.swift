extension Directory {
    // MARK: Arrays

    static func arrays(_ input: inout ByteReader) throws(ReaderError) -> [ArrayEntry] {
        var arrays: [ArrayEntry] = []
        for _ in 0..<(try input.number()) {
            let name = try input.name(), type = try elementType(&input), dimensions = try dimensions(&input)
            let original = try input.number()
            guard let byteCount = Extent.byteCount(dimensions, of: type) else {
                throw input.failure("Array '\(name)' has more elements than can be counted.")
            }
            try input.require(byteCount > 0, "Array '\(name)' is empty.")
            try input.require(type != .text || dimensions.count == 1, "Text '\(name)' has \(dimensions.count) axes.")
            if original > 0 {
                let isFit =
                    original <= arrays.count && arrays[original - 1].original == nil
                    && arrays[original - 1].byteCount == byteCount
                    && arrays[original - 1].type.codedWidth == type.codedWidth
                try input.require(isFit, "Array '\(name)' cannot be a duplicate of array \(original - 1).")
            }
            arrays.append(
                ArrayEntry(
                    name: name, type: type, dimensions: dimensions, byteCount: byteCount,
                    original: original == 0 ? nil : original - 1, isHot: false))
        }
        try input.finish()
        return arrays
    }

    static func elementType(_ input: inout ByteReader) throws(ReaderError) -> ElementType {
        let code = try input.byte()
        guard let type = ElementType(rawValue: code) else { throw input.failure("There is no type \(code).") }
        return type
    }

    static func dimensions(_ input: inout ByteReader) throws(ReaderError) -> [Int] {
        let count = try input.number()
        try input.require(count <= 64, "A shape has \(count) axes, above 64.")
        var dimensions: [Int] = []
        dimensions.reserveCapacity(count)
        for _ in 0..<count { dimensions.append(try input.number()) }
        return dimensions
    }

    static func markHot(_ arrays: inout [ArrayEntry], _ input: inout ByteReader) throws(ReaderError) {
        for _ in 0..<(try input.number()) {
            let number = try input.number()
            try input.require(arrays.indices.contains(number), "There is no array \(number).")
            let isFit = arrays[number].type != .text && !arrays[number].isHot
            try input.require(isFit, "Array \(number) is text, or stands twice.")
            arrays[number].isHot = true
        }
        try input.finish()
    }

    // MARK: Files and blocks

    /// The files, whose pieces take each byte of each array once.
    static func files(
        _ input: inout ByteReader, _ arrays: [ArrayEntry]
    ) throws(ReaderError) -> (files: [FileEntry], pieces: [[Run]]) {
        var files: [FileEntry] = [], pieces: [[Run]] = [], names: Set<String> = []
        let sizes = arrays.map(\.byteCount)
        var taken = [Int](repeating: 0, count: arrays.count)
        for _ in 0..<(try input.number()) {
            let name = try input.name(), byteCount = try input.number()
            try input.require(isSafe(path: name), "File name '\(name)' leaves the folder, or has empty parts.")
            try input.require(names.insert(name).inserted, "Two files are named '\(name)'.")
            var rest = byteCount, runs: [Run] = []
            for _ in 0..<(try input.number()) {
                let run = try self.run(&input, sizes, &taken)
                try input.require(run.count <= rest, "The pieces of '\(name)' are longer than it.")
                rest -= run.count
                runs.append(run)
            }
            try input.require(rest == 0, "The pieces of '\(name)' leave \(rest) of its \(byteCount) bytes.")
            files.append(FileEntry(name: name, byteCount: byteCount))
            pieces.append(runs)
        }
        for (number, array) in arrays.enumerated() where taken[number] < sizes[number] {
            throw input.failure("The end of array '\(array.name)' is in no file.")
        }
        try input.finish()
        return (files, pieces)
    }

    /// A relative path that stays in its folder, in parts that are neither empty nor mean another folder.
    private static func isSafe(path: String) -> Bool {
        let hasOddByte = path.utf8.contains { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "\\") }
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return !hasOddByte && !parts.contains { ["", ".", ".."].contains(String(Substring($0))) }
    }

    /// The blocks, whose segments take each element of each array with content of its own once.
    static func blocks(_ input: inout ByteReader, _ arrays: [ArrayEntry]) throws(ReaderError) -> [Block] {
        var blocks: [Block] = []
        let sizes = arrays.map { $0.original == nil ? $0.byteCount / $0.type.codedWidth : 0 }
        var taken = [Int](repeating: 0, count: arrays.count)
        for number in 0..<(try input.number()) {
            var elementCount = 0, segments: [Run] = []
            for _ in 0..<(try input.number()) {
                let run = try self.run(&input, sizes, &taken)
                try input.require(
                    run.count <= blockLimit - elementCount, "Block \(number) has more than \(blockLimit) elements.")
                elementCount += run.count
                segments.append(run)
                let first = arrays[segments[0].array].type, type = arrays[run.array].type
                let isAlike =
                    first.codedWidth == type.codedWidth && first.isRotated == type.isRotated
                    && (first == .text) == (type == .text)
                try input.require(isAlike, "Block \(number) has arrays of several layouts.")
                try input.require(
                    arrays[run.array].original == nil, "Block \(number) has an array that is a duplicate.")
            }
            try input.require(elementCount > 0, "Block \(number) is empty.")
            blocks.append(Block(segments: segments, elementCount: elementCount))
        }
        for (number, array) in arrays.enumerated() where taken[number] < sizes[number] {
            throw input.failure("The end of array '\(array.name)' is in no block.")
        }
        try input.finish()
        return blocks
    }

    /// An array's number and a count of what comes next of it.
    private static func run(
        _ input: inout ByteReader, _ sizes: [Int], _ taken: inout [Int]
    ) throws(ReaderError) -> Run {
        let array = try input.number(), count = try input.number()
        try input.require(sizes.indices.contains(array), "There is no array \(array).")
        let start = taken[array], left = sizes[array] - start
        try input.require(
            count > 0 && count <= left, "\(count) are taken of array \(array), which has \(left) left.")
        taken[array] = start + count
        return Run(array: array, start: start, count: count)
    }

    // MARK: Forms

    static func forms(
        _ input: inout ByteReader, _ arrays: [ArrayEntry]
    ) throws(ReaderError) -> (forms: [StoredForm], names: [String]) {
        var forms: [StoredForm] = [], names: [String] = [], known: Set<String> = []
        for _ in 0..<(try input.number()) {
            let name = try input.name()
            try input.require(known.insert(name).inserted, "Two stored forms are named '\(name)'.")
            forms.append(try StoredForm(&input, arrays, depth: 1))
            names.append(name)
        }
        try input.finish()
        return (forms, names)
    }
}
