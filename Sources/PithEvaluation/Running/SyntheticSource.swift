public import PithFormats
import PithModel
public import PithRuntime
public import PithTensor

/// Made-up samples for a model that comes without data: seeded noise in the shapes its inputs ask for.
///
/// Floats are drawn from -1...1, integers from 0...3. Axes the caller may choose get one length: all of them, or, where no length
/// does it, only the last axis of each input, and the others 1. The first of 8, 1, 64, 512, 224, 256 is taken with which the
/// model runs. They show whether two forms of a model agree, not how good it is.
public struct SyntheticSource: SampleSource {
    /// Samples there are.
    private static let count = 8

    private let ports: [Session.Port]
    private let length: Int
    /// Whether only last axes have that length.
    private let isForLastAxes: Bool
    private let seed: UInt64

    /// Finds lengths with which `session` runs.
    ///
    /// - Throws: `EvaluationError` `.invalidSettings` when it runs with none, or takes inputs that are not tensors of numbers.
    public init(for session: Session, seed: UInt64) throws {
        var reason = ""
        let lengths = [8, 1, 64, 512, 224, 256]
        for (isForLastAxes, length) in lengths.map({ (false, $0) }) + lengths.map({ (true, $0) }) {
            let source = SyntheticSource(
                ports: session.inputs, length: length, isForLastAxes: isForLastAxes, seed: seed)
            do {
                _ = try session.run(try source.inputs(rows: [0]))
                self = source
                return
            } catch let error as RuntimeError {
                reason = error.problem
            }
        }
        throw EvaluationError(
            code: .invalidSettings, subject: session.subject,
            problem: "it does not run with made-up inputs (\(reason)).",
            remedy: "Give --data with inputs that suit it.")
    }

    private init(ports: [Session.Port], length: Int, isForLastAxes: Bool, seed: UInt64) {
        self.ports = ports
        self.isForLastAxes = isForLastAxes
        self.length = length
        self.seed = seed
    }

    public var metric: Dataset.Metric { .fidelity }
    public var evaluationRows: Range<Int> { 0..<SyntheticSource.count }
    public var batchSize: Int? { 1 }
    public var output: String? { nil }
    public var carried: [String: String] { [:] }
    public var pairOffset: Int? { nil }

    public func sampleRows(_ range: Range<Int>) -> [Int] { Array(range) }

    public func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for (index, port) in ports.enumerated() {
            inputs[port.name] = try tensor(port, index: index, row: rows.first ?? 0)
        }
        return inputs
    }

    public func labels(rows: [Int]) throws(FormatError) -> Tensor? { nil }
    public func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? { nil }

    private func tensor(_ port: Session.Port, index: Int, row: Int) throws(FormatError) -> Tensor {
        // A first axis to choose is the batch, and a batch is one sample; so is an axis called batch anywhere.
        let dimensions = port.dimensions.enumerated().map { axis, dimension in
            if case .symbolic(let name) = dimension, name.lowercased().hasPrefix("batch") { return 1 }
            let isOne = port.dimensions.count > 1 && (axis == 0 || isForLastAxes && axis < port.dimensions.count - 1)
            return dimension.length ?? (isOne ? 1 : length)
        }
        var generator = SplitMix64(seed: seed &+ UInt64(row) &* 0x1_0000 &+ UInt64(index))
        do {
            let shape = try Shape(dimensions)
            guard let type = port.element, shape.count <= 1 << 28 else { throw unsuitable(port) }
            switch type {
            case .float32:
                return Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &generator) }, shape: shape)
            case .float64:
                return Tensor((0..<shape.count).map { _ in Double.random(in: -1...1, using: &generator) }, shape: shape)
            case .bool:
                let bits = (0..<shape.count).map { _ in UInt8.random(in: 0...1, using: &generator) }
                return try Tensor(type: .bool, shape: shape, storage: Storage(bits))
            case .float16:
                // 0x3800 is one half; the low bits spread it to just below one.
                let bits = (0..<shape.count).map { _ in UInt16.random(in: 0x3800...0x3bff, using: &generator) }
                return try Tensor(type: .float16, shape: shape, storage: Storage(bits))
            default:
                guard type.isInteger else { throw unsuitable(port) }
                let levels = (0..<shape.count).map { _ in
                    Int.random(in: 0...min(3, type.integerRange?.upperBound ?? 3), using: &generator)
                }
                return try Tensor(integers: levels, as: type, shape: shape)
            }
        } catch let error as FormatError {
            throw error
        } catch {
            throw unsuitable(port)
        }
    }

    private func unsuitable(_ port: Session.Port) -> FormatError {
        FormatError(
            code: .unsupported, subject: "input '\(port.name)'",
            problem: "its type can not be made up.", remedy: "Give --data with inputs that suit the model.")
    }
}
