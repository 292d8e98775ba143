internal import PithModel
internal import PithTensor

/// Inputs that are the same for every sample: a `value` or `zeros` of a card.
enum ConstantInput {
    /// Most numbers in one constant input.
    static let mostNumbers = 1 << 26

    /// Zeros of `dimensions`.
    ///
    /// - Throws: `FormatError` `.invalidCard` for a shape that is negative or too large.
    static func zeros(
        _ dimensions: [Int], type: ScalarType?, _ reader: ConfigurationReader
    ) throws(FormatError) -> Tensor {
        guard let count = Shape.product(of: dimensions), count <= mostNumbers, let shape = try? Shape(dimensions) else {
            throw reader.failure(
                "zeros", "\(dimensions) is no shape of at most \(mostNumbers) numbers.", "Give the shape of the input.")
        }
        let type = type ?? .float32
        guard let byteCount = type.byteCount(of: count), type != .string else {
            throw reader.failure("zeros", "the graph's input holds strings.", "Strings can not be given.")
        }
        let storage = Storage(byteCount: byteCount) { _ in }
        do { return try Tensor(type: type, shape: shape, storage: storage) } catch {
            throw reader.failure("zeros", error.problem, error.remedy)
        }
    }

    /// A number, or lists of lists of numbers of the same lengths.
    ///
    /// - Throws: `FormatError` `.invalidCard` for lists of different lengths, values that are no numbers, or numbers
    ///   that
    ///   the type can not hold.
    static func tensor(
        _ value: ConfigurationValue, like input: ValueType?, _ reader: ConfigurationReader
    ) throws(FormatError) -> Tensor {
        var numbers: [ConfigurationValue] = []
        guard let dimensions = flatten(value, into: &numbers), let shape = try? Shape(dimensions) else {
            throw reader.failure(
                "value", "it is no number and no lists of numbers of the same length.",
                "Write a number, or `[1, 2, 3]`.")
        }
        let integers = numbers.compactMap { if case .integer(let number) = $0 { number } else { nil } }
        let isWhole = integers.count == numbers.count
        let content: SampleNumbers = isWhole ? .integers(integers) : .doubles(numbers.compactMap(\.double))
        let type = input?.element ?? (isWhole ? .int64 : .float32)
        let tensor = try content.tensor(of: type, shape: shape, subject: reader.failure("value", "", "").subject)
        guard dimensions.isEmpty, let lengths = input?.dimensions else { return tensor }
        return filled(lengths.map { $0.length ?? 0 }, with: tensor) ?? tensor
    }

    /// A tensor of these lengths in which every number is that of `scalar`; nil where the graph leaves a length open.
    private static func filled(_ lengths: [Int], with scalar: Tensor) -> Tensor? {
        guard let count = Shape.product(of: lengths), (1...mostNumbers).contains(count), scalar.type.bitWidth >= 8,
            let shape = try? Shape(lengths)
        else { return nil }
        let number = scalar.storage.withBytes { $0.bytes }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * number.count)
        for _ in 0..<count { bytes += number }
        return try? Tensor(type: scalar.type, shape: shape, storage: Storage(bytes))
    }

    /// Appends the numbers of nested lists and answers the lengths; nil when they differ or something else is inside.
    private static func flatten(_ value: ConfigurationValue, into numbers: inout [ConfigurationValue]) -> [Int]? {
        switch value {
        case .integer, .number: numbers.append(value)
        case .bool(let flag): numbers.append(.integer(flag ? 1 : 0))
        case .list(let items):
            var inner: [Int]?
            for item in items {
                guard let lengths = flatten(item, into: &numbers), inner == nil || inner == lengths else { return nil }
                inner = lengths
            }
            return [items.count] + (inner ?? [])
        default: return nil
        }
        return []
    }
}
