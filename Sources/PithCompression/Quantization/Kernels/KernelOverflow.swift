import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// What is done about kernels that add products of 8 bits in pairs with 16 bits, which two can overflow (``ProductPairs``).
///
/// x86 processors without VNNI have such kernels: those before 2019, AMD's before Zen 4, and many small ones until later. Levels with a scale wide
/// enough for them are right everywhere, and a little coarser. Levels without a sign are right everywhere and as fine; products of many rows
/// are slower with them, LSTMs are not.
public enum KernelOverflow: String, Codable, Sendable, CaseIterable {
    /// It is avoided if the kernels of this machine overflow.
    case measured
    /// Scales are so wide that no pair can overflow; levels of LSTMs have no sign.
    case avoided
    /// Nothing is done: for processors that add with 32 bits.
    case ignored

    /// The same with the question about this machine answered: `avoided` or `ignored`.
    ///
    /// - Throws: `RuntimeError` where there is no runtime to ask.
    package func resolved() throws -> KernelOverflow {
        self == .measured ? (try KernelOverflow.isPresent() ? .avoided : .ignored) : self
    }

    /// Says on the ledger of `piece` that it is avoided, if so.
    func account(_ piece: inout Workpiece) {
        guard self == .avoided, piece.decisions["overflow"] == nil else { return }
        piece.decisions["overflow"] = .string(rawValue)
        piece.note(
            "No pair of products overflows 16 bits, as x86 processors without VNNI add them: scales of integer weights are wide enough, LSTMs have levels without a sign."
        )
    }

    private static let inputs = 64, outputs = 16, rows = 4

    /// Whether the runtime's integer products overflow on this machine: the largest levels of all give another sum than they should.
    private static func isPresent() throws -> Bool {
        let session = try Session(bytes: try ONNXWriter.encode(try probe()), name: "overflow probe")
        let full = Tensor([UInt8](repeating: .max, count: rows * inputs), shape: try Shape([rows, inputs]))
        let sums = try session.run(["x": full])["y"]?.integers() ?? []
        return sums.contains { $0 != inputs * Int(UInt8.max) * Int(Int8.max) }
    }

    private static func probe() throws -> Model {
        var graph = Graph(name: "overflow")
        let levels = Tensor([Int8](repeating: .max, count: inputs * outputs), shape: try Shape([inputs, outputs]))
        graph.weights["w"] = Weight(name: "w", form: .dense(levels))
        graph.nodes = [Node("MatMulInteger", inputs: ["x", "w"], outputs: ["y"])]
        graph.inputs = [
            ValueInfo(
                name: "x", type: ValueType(element: .uint8, dimensions: [rows, inputs].map { .fixed($0) }))
        ]
        graph.outputs = [ValueInfo(name: "y")]
        return Model(graph: graph, operatorSets: ["": 13], formatVersion: 7)
    }
}
