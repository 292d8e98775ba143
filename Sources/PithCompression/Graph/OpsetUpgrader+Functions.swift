import PithModel

extension OpsetUpgrader {
    /// Refuses a model that brings functions: their bodies name operator sets of their own, which must stay in step.
    ///
    /// The reader keeps field 25 of the model message (`functions`) unread, so its presence is looked for here.
    static func refuseFunctions(of model: Model) throws(CompressionError) {
        guard topLevelFields(of: model.foreign.bytes).contains(25) else { return }
        throw CompressionError(
            code: .unsupportedOperator, subject: "model functions",
            problem: "the model defines operators as functions, whose operator sets can not be raised with it.",
            remedy: "Inline the functions first (onnx.inliner), or export the model for the newer operator set.")
    }

    /// Field numbers of a protobuf message, up to the first byte that is not understood.
    private static func topLevelFields(of bytes: [UInt8]) -> Set<Int> {
        var fields: Set<Int> = [], position = 0
        while position < bytes.count, let tag = varint(bytes, &position) {
            fields.insert(Int(clamping: tag >> 3))
            switch tag & 7 {
            case 0: guard varint(bytes, &position) != nil else { return fields }
            case 1: position += 8
            case 2:
                guard let length = varint(bytes, &position), length <= UInt64(bytes.count - position) else {
                    return fields
                }
                position += Int(length)
            case 5: position += 4
            default: return fields
            }
        }
        return fields
    }

    private static func varint(_ bytes: [UInt8], _ position: inout Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
