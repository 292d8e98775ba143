import PithModel
import PithTensor

/// A model in which some weights are held in integers, with the account of it.
struct KernelCandidate {
    /// A weight in integers, with how they are used.
    struct Encoded: Sendable {
        let entry: KernelLayers.Entry
        let form: GroupedIntegers
        private(set) var execution: Weight.Execution
        let sqnrDB: Double?
        /// Whether the levels are those that an earlier stage gave, which has the account of them.
        let isEarlier: Bool

        /// Rounds a weight that no stage has rounded, for dynamic kernels.
        ///
        /// It gets a scale for each output channel, for recurrent layers one in each direction. `isPaired` kernels add products in
        /// pairs, which must not overflow: scales become wide enough, and recurrent layers get levels without a sign, which such
        /// kernels add with 32 bits. For layers that read one row at a time that costs no time.
        ///
        /// - Throws: `CompressionError` `.nonFiniteWeight`.
        init(_ entry: KernelLayers.Entry, bits: Int, isPaired: Bool) throws(CompressionError) {
            self.entry = entry
            execution = .dynamic
            let isRecurrent = entry.part.layer == .recurrent, tensor = entry.tensor
            // Products of 7 bits do not overflow.
            let isUnsigned = isPaired && isRecurrent && bits == 8
            if let form = entry.form {
                (self.form, sqnrDB, isEarlier) = (isUnsigned ? form.withoutSign : form, nil, true)
                return
            }
            let form =
                try isRecurrent
                ? Encoded.recurrent(entry, bits)
                : Encoded.rounded(tensor, entry, axis: entry.part.axis, bits, isPaired)
            self.form = isUnsigned ? form.withoutSign : form
            (sqnrDB, isEarlier) = (form.sqnrDB(against: tensor), false)
        }

        /// The levels of `[directions, rows, inputs]`; the kernel wants zero points written out.
        private static func recurrent(
            _ entry: KernelLayers.Entry, _ bits: Int
        ) throws(CompressionError) -> GroupedIntegers {
            let axes = entry.tensor.shape.dimensions, rows = axes[0] * axes[1]
            guard let flat = try? entry.tensor.reshaped(to: Shape([rows, axes[2]])) else {
                preconditionFailure("A tensor of three axes has no two.")
            }
            let form = try rounded(flat, entry, axis: 0, bits, false)
            let grouping = axes[0] == 1 ? GroupedIntegers.Grouping.channel(axis: 1) : .block(axis: 2, size: axes[2])
            let lengths = GroupedIntegers.scaleDimensions(of: entry.tensor.shape, grouping)
            guard let shape = try? Shape(lengths), let levels = try? form.levels.reshaped(to: entry.tensor.shape),
                let scales = try? form.scales.reshaped(to: shape)
            else { preconditionFailure("Levels of \(flat.shape) do not fill \(entry.tensor.shape).") }
            let zeros = Tensor([Int8](repeating: 0, count: rows), shape: shape)
            return GroupedIntegers(levels: levels, scales: scales, zeroPoints: zeros, grouping: grouping)
        }

        /// The levels of `tensor`, with scales as wide as pairs need them.
        private static func rounded(
            _ tensor: Tensor, _ entry: KernelLayers.Entry, axis: Int, _ bits: Int, _ isPaired: Bool
        ) throws(CompressionError) -> GroupedIntegers {
            let rows = isPaired ? PairedRows(tensor.shape, axis: axis, isConvolution: false) : nil
            return try SymmetricIntegers.encode(
                tensor, named: entry.name, axis: axis, bits: bits,
                smallestScales: rows?.smallestScales(of: tensor) ?? [])
        }

        /// Rounds a matrix that no stage has rounded to 8 bits in blocks, for kernels that round activations in blocks too.
        ///
        /// - Throws: `CompressionError` `.nonFiniteWeight`.
        init(inBlocks entry: KernelLayers.Entry) throws(CompressionError) {
            var quantizer = WeightQuantizer()
            quantizer.grid = WeightGrid(bits: 8, blockSize: 64, isSymmetric: true, scales: .float32, clipping: .none)
            guard
                let form = try quantizer.encode(entry.tensor, named: entry.name, entry.part) as? GroupedIntegers,
                let axis = entry.part.reduced,
                let shape = try? Shape(
                    GroupedIntegers.scaleDimensions(
                        of: form.shape, .block(axis: axis, size: quantizer.blockSize))),
                let scales = try? form.scales.reshaped(to: shape)
            else { preconditionFailure("A grid in blocks gives levels in groups.") }
            // One block is as long as the whole axis where that is short: then the form says a scale for each output.
            self.form = GroupedIntegers(
                levels: form.levels, scales: scales, grouping: .block(axis: axis, size: quantizer.blockSize))
            execution = .roundedBlocks
            (self.entry, sqnrDB, isEarlier) = (entry, form.sqnrDB(against: entry.tensor), false)
        }

        /// A weight whose levels a kernel of `execution` takes as they are, with scales as wide as it wants them; nil for one that
        /// has none.
        init?(stored entry: KernelLayers.Entry, execution: Weight.Execution) {
            guard let form = entry.form, let numbers = form.scales.floats() else { return nil }
            self.form = GroupedIntegers(
                levels: form.levels, scales: Tensor(numbers, shape: form.scales.shape), zeroPoints: form.zeroPoints,
                grouping: form.grouping, levelBits: form.levelBits)
            self.execution = execution
            (self.entry, sqnrDB, isEarlier) = (entry, nil, true)
        }

        /// The same levels used otherwise.
        func used(_ execution: Weight.Execution) -> Encoded {
            var other = self
            other.execution = execution
            return other
        }

        /// What the ledger says of it.
        var note: String {
            switch execution {
            case .blocks: return "block kernel (com.microsoft.MatMulNBits), float activations"
            case .roundedBlocks:
                return "block kernel (com.microsoft.MatMulNBits), activations rounded to 8 bits in blocks"
            case .rows: return "row kernel (com.microsoft.GatherBlockQuantized), decodes the rows that are read"
            case .dynamic, .folded, .integer:
                let kernel = entry.part.layer == .recurrent ? "com.microsoft.DynamicQuantizeLSTM" : "MatMulInteger"
                return "integer kernel (\(kernel)), activations rounded at run time"
            }
        }
    }

    let model: Model
    let taken: [Encoded]

    /// Puts `taken` into `model`, for the kernels that they are meant for.
    init(_ model: Model, taking taken: [Encoded]) {
        let encodings = Dictionary(taken.map { ($0.entry.name, $0) }) { first, _ in first }
        var model = model
        model.graph.updateEachGraph { graph, path in
            for name in graph.weights.names {
                guard let encoded = encodings[path.qualified(name)] else { continue }
                graph.weights[name]?.form = .encoded(encoded.form)
                graph.weights[name]?.execution = encoded.execution
            }
        }
        self.model = model
        self.taken = taken
    }

    /// The same weights in another form of the model.
    func carried(to model: Model) -> KernelCandidate {
        KernelCandidate(model, taking: taken)
    }

    /// Puts the candidate on the bench, as the work of `technique`.
    func settle(_ piece: inout Workpiece, by technique: String) {
        piece.model = model
        for encoded in taken {
            let name = encoded.entry.name
            let earlier = encoded.isEarlier ? piece.encodings[name] : nil
            piece.encodings[name] = Workpiece.Encoding(
                technique: earlier?.technique ?? technique, sqnrDB: earlier?.sqnrDB ?? encoded.sqnrDB,
                note: encoded.note)
            piece.unhandled[name] = nil
            piece.floatReasons[name] = nil
        }
        for (key, weights) in Dictionary(grouping: taken, by: { KernelCandidate.key(of: $0.execution) }) {
            var names: [JSONValue] = weights.map { .string($0.entry.name) }
            // An earlier stage may have given others to the same kernel.
            if case .array(let earlier) = piece.decisions[key] {
                names = earlier.filter { !names.contains($0) } + names
            }
            piece.decisions[key] = .array(names)
        }
    }

    /// The decision that holds the weights of kernels of `execution`.
    private static func key(of execution: Weight.Execution) -> String {
        switch execution {
        case .dynamic: "dynamicWeights"
        case .rows: "rowWeights"
        case .blocks, .roundedBlocks, .folded, .integer: "blockWeights"
        }
    }
}
