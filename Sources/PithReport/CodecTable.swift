package import PithCoding
internal import PithCompression
package import PithFormats

/// Codecs side by side on one model.
package struct CodecTable: Encodable, Sendable {
    struct Row: Encodable, Sendable {
        let codec: String
        let bytes: Int?
        let ratio: Double?
        let encodeMegabytesPerSecond: Double?
        let decodeMegabytesPerSecond: Double?
        let peakBytes: Int?
        /// Why there are no figures.
        let note: String?
    }

    let path: String
    let bytes: Int
    let rows: [Row]

    /// Measures `codecs` on the model at `path`.
    package init(
        _ path: String, _ comparison: CodecComparison, _ codecs: [BlockCodec], progress: (String) -> Void
    ) {
        self.path = path
        bytes = comparison.byteCount
        var rows: [Row] = []
        for codec in codecs {
            progress("coding by \(codec.rawValue)")
            do throws(FormatError) {
                rows.append(CodecTable.row(try comparison.row(of: codec), of: comparison.byteCount))
            } catch {
                rows.append(
                    Row(
                        codec: codec.rawValue, bytes: nil, ratio: nil, encodeMegabytesPerSecond: nil,
                        decodeMegabytesPerSecond: nil, peakBytes: nil, note: "\(error.problem) \(error.remedy)"))
            }
        }
        self.rows = rows
    }

    private static func row(_ row: CodecComparison.Row, of byteCount: Int) -> Row {
        func speed(_ seconds: Double) -> Double { Double(byteCount) / max(seconds, 1e-9) / 1e6 }
        return Row(
            codec: row.codec.rawValue, bytes: row.byteCount, ratio: Double(byteCount) / Double(row.byteCount),
            encodeMegabytesPerSecond: speed(row.encodeSeconds), decodeMegabytesPerSecond: speed(row.decodeSeconds),
            peakBytes: row.peakBytes, note: nil)
    }

    /// The table as text.
    package var text: String {
        var table = TextTable(
            header: ["codec", "bytes", "ratio", "encode MB/s", "decode MB/s", "memory"], rightAligned: [1, 2, 3, 4, 5])
        for row in rows {
            table.add([
                row.codec, row.bytes.map { "\($0)" } ?? row.note ?? "-", row.ratio?.formatted(digits: 4) ?? "-",
                row.encodeMegabytesPerSecond?.formatted(digits: 0) ?? "-",
                row.decodeMegabytesPerSecond?.formatted(digits: 0) ?? "-", row.peakBytes.map { Text.bytes($0) } ?? "-",
            ])
        }
        return """
            \(path): \(Text.bytes(bytes)), one thread

            \(table.text)

            bytes: the whole container; memory: the most that the process held meanwhile, with what codecs before it left
            """
    }
}
