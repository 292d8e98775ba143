/// The account of one weight.
public struct LedgerRow: Codable, Sendable, Hashable {
    /// Qualified name of the weight in the input, or in the output for weights that were made.
    public var weight: String
    /// Axis lengths in the input.
    public var shape: [Int]
    /// The technique that gave it its form; nil where it was kept as it is.
    public var technique: String?
    /// What it is stored as now; `none` where nothing of it is left.
    public var representation: String
    public var bytesBefore: Int
    /// Bytes in the output; what several weights share is counted once.
    public var bytesAfter: Int
    /// Error of the stored form against the numbers that were encoded, in dB; nil where nothing was lost.
    public var sqnrDB: Double?
    /// Why it is as it is.
    public var note: String

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(weight, forKey: .weight)
        try container.encode(shape, forKey: .shape)
        try container.encode(technique, forKey: .technique)
        try container.encode(representation, forKey: .representation)
        try container.encode(bytesBefore, forKey: .bytesBefore)
        try container.encode(bytesAfter, forKey: .bytesAfter)
        try container.encode(sqnrDB, forKey: .sqnrDB)
        try container.encode(note, forKey: .note)
    }
}
