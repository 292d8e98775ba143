internal import CONNXRuntime
internal import PithModel
internal import PithTensor

/// The type of a port or a value, read from the runtime.
struct NativeType {
    /// What a value can be.
    enum Kind: Int32 {
        case unknown, tensor, sequence, map, opaque, sparseTensor, optional, nothing

        /// The kind in the words of an error message.
        var words: String {
            switch self {
            case .unknown: "of an unknown kind"
            case .tensor: "a tensor"
            case .sequence: "a sequence"
            case .map: "a map"
            case .opaque: "opaque"
            case .sparseTensor: "a sparse tensor"
            case .optional: "an optional"
            case .nothing: "an optional without a value"
            }
        }
    }

    let kind: Kind
    /// Nil when it is not a tensor, or of an element type that Pith does not know.
    let element: ScalarType?
    /// Axis lengths; negative where the model leaves one open.
    let lengths: [Int]
    /// Names of open axes; empty for the type of a value.
    let symbols: [String]

    /// Copies the runtime's description.
    init(_ type: pith_ort_type) {
        kind = unsafe Kind(rawValue: type.kind) ?? .unknown
        element = unsafe kind == .tensor ? ScalarType(nativeNumber: type.element) : nil
        let rank = unsafe type.rank
        lengths = unsafe UnsafeBufferPointer(start: type.lengths, count: type.lengths == nil ? 0 : rank).map { Int($0) }
        symbols = unsafe UnsafeBufferPointer(start: type.symbols, count: type.symbols == nil ? 0 : rank)
            .map { symbol in unsafe symbol.map { unsafe String(cString: $0) } ?? "" }
    }

    /// The axes as a model states them.
    var dimensions: [ValueType.Dimension] {
        lengths.enumerated().map { axis, length in
            guard length < 0 else { return .fixed(length) }
            let symbol = axis < symbols.count ? symbols[axis] : ""
            return symbol.isEmpty ? .unknown : .symbolic(symbol)
        }
    }
}
