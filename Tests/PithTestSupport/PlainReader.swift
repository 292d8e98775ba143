import PithReader

/// What `PithReader` finds in a container: a second reader, written from `Documentation/Format.md` alone, so that the two agree
/// only where both follow the page.
public struct PlainReader {
    /// A weight in a stored form, as numbers.
    public struct Weight {
        public let name: String
        public let kind: String
        public let dimensions: [Int]
        public let numbers: [Float]
    }

    public let kind: String
    public let files: [String: [UInt8]]
    public let arrayNames: [String]
    public let hotNames: [String]
    public let weights: [Weight]

    /// Reads all that is in a container.
    ///
    /// - Throws: `ReaderError` when it is not exactly as the page says.
    public init(_ bytes: [UInt8]) throws {
        let reader = try ContainerReader(bytes)
        kind = reader.format
        files = try Dictionary(uniqueKeysWithValues: reader.files.map { ($0.name, try reader.bytes(ofFile: $0.name)) })
        arrayNames = reader.arrays.map(\.name)
        hotNames = reader.arrays.filter(\.isHot).map(\.name)
        weights = try reader.forms.enumerated().map { number, form in
            Weight(
                name: form.name, kind: form.kind, dimensions: form.dimensions,
                numbers: try reader.numbers(ofFormAt: number))
        }
    }

    /// The bytes of the `count` elements of a block.
    ///
    /// - Throws: `ReaderError` when the body is not exactly as the page says.
    public static func elements(of body: [UInt8], count: Int, width: Int, isRotated: Bool) throws -> [UInt8] {
        try BlockDecoder(width: width, isRotated: isRotated).decoded(ByteReader(body, subject: "block"), count: count)
    }
}
