internal import PithTensor

/// Copies an encoded ONNX model without the numbers of its tensors, so that decoding it copies no weight.
///
/// In the copy each tensor whose numbers are 64 bytes and more has a field `cut` with the place of the numbers in
/// the file instead.
/// - Complexity: O(fields) time and memory; no page that holds weights is touched.
struct TensorCutter {
    /// The kinds of messages on the way to tensors.
    private enum Message {
        case model, graph, node, attribute, tensor, sparseTensor

        /// The nested message behind a field number, nil when it holds no tensors.
        func nested(_ field: Int) -> Message? {
            switch (self, field) {
            case (.model, 7): .graph
            case (.graph, 1): .node
            case (.graph, 5): .tensor
            case (.graph, 15): .sparseTensor
            case (.node, 5): .attribute
            case (.attribute, 5), (.attribute, 10): .tensor
            case (.attribute, 6), (.attribute, 11): .graph
            case (.sparseTensor, 1), (.sparseTensor, 2): .tensor
            default: nil
            }
        }
    }

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

    private func cut(_ message: Message, _ range: Range<Int>, depth: Int) throws(FormatError) -> [UInt8] {
        guard depth < TensorCutter.depthLimit * 3 else {
            throw FormatError(
                code: .unsupported, subject: scanner.subject,
                problem: "its graphs nest deeper than \(TensorCutter.depthLimit) levels.",
                remedy: "Flatten the control flow before export.")
        }
        var copy: [UInt8] = []
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
            } else if case .tensor = message, let place = numbers(in: field) {
                copy += place
            } else {
                copy += scanner.bytes.copy(field.range)
            }
        }
        return copy
    }

    /// The `cut` field for a tensor field that holds little-endian numbers as they lie in memory; nil for others.
    private func numbers(in field: WireField) -> [UInt8]? {
        // raw_data, and the packed float and double lists, whose encoding is the same little-endian array.
        guard field.wireType == 2, [4, 9, 10].contains(field.number), field.content.count >= TensorCutter.smallest else {
            return nil
        }
        let place = [UInt8(0x08)] + WireMessage.varint(UInt64(field.content.lowerBound))
            + [0x10] + WireMessage.varint(UInt64(field.content.count))
        return WireMessage.header(field: TensorCutter.cutField, length: place.count) + place
    }
}
