internal import PithTensor

/// Copies an encoded ONNX model without the numbers of its tensors, so that decoding it copies no weight.
///
/// In the copy each tensor whose numbers are 64 bytes and more has a field `cut` with the place of the numbers in
/// the file instead.
/// - Complexity: O(fields) time and memory; no page that holds weights is touched.
struct TensorCutter {
    /// Graphs may nest this deep; exporters stay below five.
    static let depthLimit = 16
    /// Tensors below this size stay in the copy.
    private static let smallest = 64
    private static let cutField = 536_870_911

    private let scanner: WireScanner

    /// Prepares to cut the model in `storage`; `subject` names the file in errors.
    init(storage: Storage, subject: String) {
        scanner = WireScanner(bytes: RawSpanReader(storage: storage), subject: subject)
    }

    /// The encoded model without the numbers of its tensors.
    ///
    /// - Throws: `FormatError` `.corrupt`, `.truncated`, or `.unsupported` for graphs nested too deep.
    func skeleton() throws(FormatError) -> [UInt8] {
        try cut(.model, 0..<scanner.bytes.storage.byteCount, depth: 0)
    }

    private func cut(_ message: ONNXMessage, _ range: Range<Int>, depth: Int) throws(FormatError) -> [UInt8] {
        guard depth < TensorCutter.depthLimit * 3 else {
            throw FormatError(
                code: .unsupported, subject: scanner.subject,
                problem: "its graphs nest deeper than \(TensorCutter.depthLimit) levels.",
                remedy: "Flatten the control flow before export.")
        }
        var copy: [UInt8] = []
        let cuttable = message == .tensor ? try cuttableField(in: range) : nil
        try scanner.forEachField(in: range) { (field) throws(FormatError) in
            guard field.number != TensorCutter.cutField else {
                throw FormatError(
                    code: .unsupported, subject: scanner.subject,
                    problem: "the field \(field.number) at byte \(field.range.lowerBound) is reserved.",
                    remedy: "This is not a sound ONNX file; export the model again.")
            }
            if field.wireType == 2, let nested = message.nested(field.number) {
                let inner = try cut(nested, field.content, depth: depth + 1)
                copy += WireMessage.header(field: field.number, length: inner.count)
                copy += inner
            } else if field.number == cuttable, field.wireType == 2 {
                copy += place(of: field)
            } else {
                copy += scanner.bytes.copy(field.range)
            }
        }
        return copy
    }

    /// The field of a tensor that holds its numbers as they lie in memory; nil when there are few or none.
    ///
    /// That is `raw_data`, or the packed floats or doubles of a tensor of that type, whose encoding is the same
    /// little-endian array.
    ///
    /// - Throws: `FormatError` `.unsupported` for numbers in several pieces, which protobuf allows and nobody writes.
    private func cuttableField(in range: Range<Int>) throws(FormatError) -> Int? {
        var type: UInt8 = 0, pieces: [WireField] = []
        try scanner.forEachField(in: range) { (field) throws(FormatError) in
            if field.number == 2, field.wireType == 0 { type = scanner.bytes[field.content.lowerBound] }
            if field.wireType == 2, [4, 9, 10].contains(field.number) { pieces.append(field) }
        }
        guard let field = pieces.first(where: { $0.content.count >= TensorCutter.smallest }) else { return nil }
        guard pieces.count == 1 else {
            throw FormatError(
                code: .unsupported, subject: scanner.subject,
                problem: "the tensor at byte \(range.lowerBound) has its numbers in \(pieces.count) pieces.",
                remedy: "Load and save the model with the ONNX library, which joins them.")
        }
        let types: [Int: [UInt8]] = [4: [1, 14], 10: [11, 15]]
        return types[field.number].map { $0.contains(type) } ?? true ? field.number : nil
    }

    /// The `cut` field that stands for a field of numbers.
    private func place(of field: WireField) -> [UInt8] {
        let place =
            [UInt8(0x08)] + WireMessage.varint(UInt64(field.content.lowerBound))
            + [0x10] + WireMessage.varint(UInt64(field.content.count))
        return WireMessage.header(field: TensorCutter.cutField, length: place.count) + place
    }
}
