import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Samples in memory: each input has one list of numbers a row.
struct MemorySource: SampleSource {
    var metric: Dataset.Metric = .fidelity
    var evaluationRows: Range<Int>
    var batchSize: Int?
    var output: String?
    var carried: [String: String] = [:]
    var pairOffset: Int?
    /// Numbers of each row, by input.
    var features: [String: [[Float]]] = [:]
    var tokens: [String: [[Int]]] = [:]
    var constants: [String: Tensor] = [:]
    var targets: [[Float]]?
    var scores: [Double]?

    func sampleRows(_ range: Range<Int>) -> [Int] {
        Array(range) + (pairOffset.map { offset in range.map { $0 + offset } } ?? [])
    }

    func inputs(rows: [Int]) throws(FormatError) -> [String: Tensor] {
        var tensors = constants
        for (name, values) in features { tensors[name] = matrix(rows.map { values[$0] }) }
        for (name, values) in tokens {
            let width = values.first?.count ?? 0
            tensors[name] = Tensor(rows.flatMap { values[$0].map { Int64($0) } }, shape: shape(rows.count, width))
        }
        return tensors
    }

    func labels(rows: [Int]) throws(FormatError) -> Tensor? {
        targets.map { targets in matrix(rows.map { targets[$0] }) }
    }

    func pairScores(_ range: Range<Int>) throws(FormatError) -> [Double]? {
        scores.map { Array($0[range]) }
    }
}

/// A model that is a function of its inputs.
struct FunctionModel: InferenceModel {
    var inputNames = ["x"]
    var outputNames = ["y"]
    var batch: Int?
    var function: @Sendable ([String: Tensor]) -> [String: Tensor]

    /// Maps each row of input `x` to a row of output `y`.
    init(batch: Int? = nil, rows function: @escaping @Sendable ([Float]) -> [Float]) {
        self.batch = batch
        self.function = { inputs in
            guard let x = inputs["x"], let values = x.floats() else { return [:] }
            let count = x.shape.dimensions[0], width = x.count / count
            return ["y": matrix((0..<count).map { function(Array(values[$0 * width..<($0 + 1) * width])) })]
        }
    }

    init(
        inputNames: [String], outputNames: [String],
        function: @escaping @Sendable ([String: Tensor]) -> [String: Tensor]
    ) {
        self.inputNames = inputNames
        self.outputNames = outputNames
        self.function = function
    }

    func fixedBatch(ofInput name: String) -> Int? { batch }

    func run(_ inputs: [String: Tensor], outputs: [String]?) throws(RuntimeError) -> [String: Tensor] {
        if let batch, let x = inputs["x"], x.shape.dimensions[0] != batch { return [:] }
        return function(inputs).filter { outputs?.contains($0.key) ?? true }
    }
}

/// Axis lengths that are known to be sound.
func shape(_ axes: Int...) -> Shape {
    do { return try Shape(axes) } catch { preconditionFailure("\(error)") }
}

/// Rows of equal length as a tensor `[rows, width]`.
func matrix(_ rows: [[Float]]) -> Tensor {
    Tensor(rows.flatMap { $0 }, shape: shape(rows.count, rows.first?.count ?? 0))
}
