import PithModel
import PithTensor

/// A model in which some weights are held in integers, with the account of it.
struct DynamicCandidate {
    /// A weight in integers.
    struct Encoded: Sendable {
        let entry: DynamicLayers.Entry
        let form: GroupedIntegers
        let sqnrDB: Double?

        /// Rounds a weight: a scale for each output channel, for recurrent layers one in each direction.
        ///
        /// - Throws: `CompressionError` `.nonFiniteWeight`.
        init(_ entry: DynamicLayers.Entry) throws(CompressionError) {
            self.entry = entry
            let isRecurrent = entry.part.layer == .recurrent
            form =
                try isRecurrent
                ? Encoded.recurrent(entry)
                : SymmetricIntegers.encode(entry.tensor, named: entry.name, axis: entry.part.axis)
            sqnrDB = form.sqnrDB(against: entry.tensor)
        }

        /// The levels of `[directions, rows, inputs]`; the kernel wants zero points written out.
        private static func recurrent(_ entry: DynamicLayers.Entry) throws(CompressionError) -> GroupedIntegers {
            let axes = entry.tensor.shape.dimensions, rows = axes[0] * axes[1]
            guard let flat = try? entry.tensor.reshaped(to: Shape([rows, axes[2]])) else {
                preconditionFailure("A tensor of three axes has no two.")
            }
            let form = try SymmetricIntegers.encode(flat, named: entry.name, axis: 0)
            let grouping = axes[0] == 1 ? GroupedIntegers.Grouping.channel(axis: 1) : .block(axis: 2, size: axes[2])
            let lengths = GroupedIntegers.scaleDimensions(of: entry.tensor.shape, grouping)
            guard let shape = try? Shape(lengths), let levels = try? form.levels.reshaped(to: entry.tensor.shape),
                let scales = try? form.scales.reshaped(to: shape)
            else { preconditionFailure("Levels of \(flat.shape) do not fill \(entry.tensor.shape).") }
            let zeros = Tensor([Int8](repeating: 0, count: rows), shape: shape)
            return GroupedIntegers(levels: levels, scales: scales, zeroPoints: zeros, grouping: grouping)
        }

        /// What the ledger says of it.
        var note: String {
            let kernel = entry.part.layer == .recurrent ? "com.microsoft.DynamicQuantizeLSTM" : "MatMulInteger"
            return "integer kernel (\(kernel)), activations rounded at run time"
        }
    }

    let model: Model
    let taken: [Encoded]

    /// Puts `taken` into `model`, for kernels of `execution`.
    init(_ model: Model, taking taken: [Encoded], execution: Weight.Execution = .dynamic) {
        let forms = Dictionary(taken.map { ($0.entry.name, $0.form) }) { first, _ in first }
        var model = model
        model.graph.updateEachGraph { graph, path in
            for name in graph.weights.names {
                guard let form = forms[path.qualified(name)] else { continue }
                graph.weights[name]?.form = .encoded(form)
                graph.weights[name]?.execution = execution
            }
        }
        self.model = model
        self.taken = taken
    }

    /// Puts the candidate on the bench.
    func settle(_ piece: inout Workpiece) {
        piece.model = model
        for encoded in taken {
            let name = encoded.entry.name
            piece.encodings[name] = Workpiece.Encoding(
                technique: DynamicQuantizer.name, sqnrDB: encoded.sqnrDB, note: encoded.note)
            piece.unhandled[name] = nil
            piece.floatReasons[name] = nil
        }
        piece.decisions["dynamicWeights"] = .array(taken.map { .string($0.entry.name) })
    }
}
