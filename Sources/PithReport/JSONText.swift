import Foundation

/// Results as JSON for programs.
public enum JSONText {
    /// Stands in the text for a number that JSON can not hold, until it is replaced.
    private static let notFinite = "\u{1}not finite\u{1}"

    /// The JSON of a report, keys in order, numbers that are not finite as null.
    ///
    /// - Throws: `EncodingError`.
    public static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: notFinite, negativeInfinity: notFinite, nan: notFinite)
        // Control characters are escaped inside strings, so no name of a model can look like the mark.
        let mark = try String(decoding: encoder.encode(notFinite), as: UTF8.self)
        return String(decoding: try encoder.encode(value), as: UTF8.self).replacingOccurrences(of: mark, with: "null")
    }
}
