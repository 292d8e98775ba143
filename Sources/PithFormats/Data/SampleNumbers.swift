internal import PithTensor

/// Numbers of samples in the widest form their target needs, and the cast to the type of a graph input.
enum SampleNumbers {
    case floats([Float])
    case doubles([Double])
    case integers([Int])

    /// The numbers as a tensor of `type`; floats become whole numbers by dropping their fraction, as NumPy casts.
    ///
    /// - Throws: `FormatError` `.invalidCard` for a number that an integer type can not hold, `.unsupported` for types
    ///   that data can not be cast to. `subject` names the input.
    func tensor(of type: ScalarType, shape: Shape, subject: String) throws(FormatError) -> Tensor {
        do {
            switch type {
            case .float32: return Tensor(asFloats, shape: shape)
            case .float64: return Tensor(asDoubles, shape: shape)
            case .float16: return try Tensor(type: type, shape: shape, storage: Storage(halves))
            case .bfloat16: return try Tensor(type: type, shape: shape, storage: Storage(brainHalves))
            case .bool: return try Tensor(type: type, shape: shape, storage: Storage(booleans))
            case _ where type.isInteger:
                return try Tensor(integers: wholeNumbers(in: type, subject), as: type, shape: shape)
            default:
                throw FormatError(
                    code: .unsupported, subject: subject, problem: "data can not be cast to \(type.rawValue).",
                    remedy: "Give the graph a float or integer input.")
            }
        } catch let error as FormatError {
            throw error
        } catch {
            throw FormatError(code: .invalidCard, subject: subject, problem: "\(error)", remedy: "Check its shape.")
        }
    }

    private var asFloats: [Float] {
        switch self {
        case .floats(let values): values
        case .doubles(let values): values.map { Float($0) }
        case .integers(let values): values.map { Float($0) }
        }
    }

    private var asDoubles: [Double] {
        switch self {
        case .floats(let values): values.map { Double($0) }
        case .doubles(let values): values
        case .integers(let values): values.map { Double($0) }
        }
    }

    private var halves: [UInt16] {
        if case .floats(let values) = self { return values.map(HalfFloat.bits) }
        return asDoubles.map { HalfFloat.bits(HalfFloat.roundedToOdd($0)) }
    }

    private var brainHalves: [UInt16] {
        if case .floats(let values) = self { return values.map(HalfFloat.brainBits) }
        return asDoubles.map { HalfFloat.brainBits(HalfFloat.roundedToOdd($0)) }
    }

    private var booleans: [UInt8] {
        switch self {
        case .floats(let values): values.map { $0 == 0 ? 0 : 1 }
        case .doubles(let values): values.map { $0 == 0 ? 0 : 1 }
        case .integers(let values): values.map { $0 == 0 ? 0 : 1 }
        }
    }

    private func wholeNumbers(in type: ScalarType, _ subject: String) throws(FormatError) -> [Int] {
        switch self {
        case .floats(let values): try SampleNumbers.checked(values, type, subject)
        case .doubles(let values): try SampleNumbers.checked(values, type, subject)
        case .integers(let values): try SampleNumbers.checked(values.map { Int64($0) }, type, subject)
        }
    }

    private static func checked<Number: SampleNumber>(
        _ values: [Number], _ type: ScalarType, _ subject: String
    ) throws(FormatError) -> [Int] {
        let range = type.integerRange ?? 0...0
        var result: [Int] = []
        result.reserveCapacity(values.count)
        for value in values {
            guard let integer = value.integer, range.contains(integer) else {
                throw tooLarge("\(value)", type, subject)
            }
            result.append(integer)
        }
        return result
    }

    /// An error about a number that `type` can not hold.
    static func tooLarge(_ value: String, _ type: ScalarType, _ subject: String) -> FormatError {
        FormatError(
            code: .invalidCard, subject: subject,
            problem: "the number \(value) does not fit the graph input's type \(type.rawValue).",
            remedy: "Correct the data, or `scale`, `mean` and `std`.")
    }
}
