import Foundation
package import PithModel
package import PithTensor

/// One way to hold a float model's layers in integers, built from what was observed.
package struct StaticCandidate {
    /// The model with encoded weights and activation formats.
    package private(set) var model: Model
    package private(set) var encodings: [String: Workpiece.Encoding] = [:]
    package private(set) var trace: WeightTrace
    /// Layers that integer kernels run.
    package private(set) var layers: [IntegerLayer] = []
    /// Those of them that read their inputs with a scale for each row.
    package private(set) var rowScaled: [IntegerLayer] = []

    private let settings: StaticQuantizer
    private let activationType: ScalarType
    private let observations: [String: Observation]
    private var names: NameSource
    /// What earlier stages did to weights.
    private let rounded: [String: Workpiece.Encoding]
    /// Weights that this candidate encoded, as they were before.
    private var originals: [String: Tensor] = [:]
    /// How many places read each bias, less those that got a copy of their own.
    private var biasReaders: [String: Int] = [:]

    /// Builds the candidate in which the nodes of `excluded` and of `floatSums` stay float, and the products of `rowScaled` read
    /// their inputs with a scale for each row.
    ///
    /// - Throws: `CompressionError` `.nonFiniteWeight`.
    package init(
        _ piece: Workpiece, excluding excluded: Set<Int>, floatSums: Set<Int> = [], rowScaled: Set<Int> = [],
        observations: [String: Observation], settings: StaticQuantizer, activationType: ScalarType
    ) throws(CompressionError) {
        model = piece.model
        trace = piece.trace
        rounded = piece.encodings
        self.settings = settings
        self.activationType = activationType
        self.observations = observations
        names = NameSource(taken: model.graph.allNames)
        let index = GraphIndex(model.graph)
        let placement = Placement(model.graph, excluded: excluded, floatSums: floatSums)
        placeActivations(placement)
        for layer in placement.layers where rowScaled.contains(layer.node) { scaleRows(of: layer, placement, index) }
        for layer in placement.layers {
            guard let bias = layer.bias else { continue }
            let readers = (index.readers[bias]?.count ?? 0)
            biasReaders[bias] = readers + (index.outputs.contains(bias) || index.captured.contains(bias) ? 1 : 0)
        }
        for layer in placement.layers where model.graph.activationFormats[layer.input] != nil {
            layers.append(layer)
            try encode(layer)
        }
    }

    /// Lets a layer read its input with a scale for each row, if it can get it as it was made: before a movement of numbers that
    /// others do not read either.
    private mutating func scaleRows(of layer: IntegerLayer, _ placement: Placement, _ index: GraphIndex) {
        guard model.graph.activationFormats[layer.input] != nil else { return }
        var value = layer.input, sources: [String] = []
        while let source = placement.shared[value] {
            guard index.onlyReader(of: source) != nil else { return }
            sources.append(source)
            value = source
        }
        for source in sources { model.graph.activationFormats[source] = nil }
        model.graph.activationFormats[layer.input]?.rowReaders.insert(layer.output)
        rowScaled.append(layer)
    }

    private mutating func placeActivations(_ placement: Placement) {
        var formats: [String: ActivationFormat] = [:]
        for value in placement.values {
            let root = placement.root(of: value)
            if let format = formats[root] {
                formats[value] = format
                continue
            }
            guard let seen = observations[root], seen.histogram.nonFinite == 0 else { continue }
            let range = seen.range(
                settings.calibrator, percentile: settings.percentile,
                levels: activationType.integerRange?.count ?? 256)
            var format = range.format(activationType)
            if let bound = placement.clipped[root] { format.keep(below: bound) }
            formats[value] = format
        }
        for value in formats.keys {
            formats[value]?.exactReaders = placement.exactReaders[value] ?? []
            formats[value]?.prefersChannelsLast = placement.mixedLayouts.contains(value)
        }
        model.graph.activationFormats = formats
    }

    // MARK: Weights

    private mutating func encode(_ layer: IntegerLayer) throws(CompressionError) {
        guard let format = model.graph.activationFormats[layer.input] else { return }
        let weight = try encodedWeight(of: layer, inputScale: format.scale)
        // A weight that another layer reads the other way round has its scales along the other axis: no bias fits them.
        guard weight.form.grouping == .channel(axis: layer.axis) else { return }
        let old = layer.bias.flatMap { model.graph.weights[$0]?.decoded().floats() }
        let correction = settings.biasCorrection ? biasCorrection(of: layer, weight) : nil
        guard old != nil || correction != nil, !model.graph.nodes[layer.node].isStandard("MatMul") else { return }
        let channels = weight.form.scales.count
        let bias = (0..<channels).map { Double(old?[$0] ?? 0) + (correction?[$0] ?? 0) }
        store(bias, of: layer, scales: weight.form.scales.elements(as: Float.self).map { $0 * format.scale })
    }

    private mutating func encodedWeight(
        of layer: IntegerLayer, inputScale: Float
    ) throws(CompressionError) -> (form: GroupedIntegers, original: Tensor) {
        guard let entry = model.graph.weights[layer.weight] else {
            preconditionFailure("A placed layer has lost its weight '\(layer.weight)'.")
        }
        let earlier = entry.representation as? GroupedIntegers
        if let form = earlier, let original = originals[layer.weight] { return (form, original) }
        let original = entry.decoded()
        originals[layer.weight] = original
        let paired = pairedRows(of: layer, original.shape)
        if let earlier, earlier.hasLevels(of: settings.weightBits),
            let form = earlier.kernelLevels(axis: layer.axis, withZeroPoints: isGemm(layer)),
            paired?.isExact(form) ?? true
        {
            // An earlier stage rounded it in a way that the kernel takes as it is.
            model.graph.weights[layer.weight]?.form = .encoded(form)
            model.graph.weights[layer.weight]?.execution = .integer
            encodings[layer.weight] = Workpiece.Encoding(
                technique: rounded[layer.weight]?.technique ?? StaticQuantizer.name,
                sqnrDB: rounded[layer.weight]?.sqnrDB,
                note: kernelNote(of: layer)
                    + (earlier.levelBits < 8 ? "; levels of \(earlier.levelBits) bits, a byte each" : ""))
            return (form, original)
        }
        let bias = layer.bias.flatMap { model.graph.weights[$0]?.decoded().floats() } ?? []
        // The 32-bit bias has the step of its channel: a channel of tiny weights must not make it overflow.
        let floors = bias.map { abs($0) / (inputScale * Float(1 << 30)) }
        let scales = paired?.smallestScales(of: original) ?? []
        var form = try SymmetricIntegers.encode(
            original, named: layer.weight, axis: layer.axis, bits: settings.weightBits,
            smallestScales: floors.isEmpty ? scales : scales.isEmpty ? floors : zip(floors, scales).map { max($0, $1) })
        if isGemm(layer) { form = form.withZeroPoints }
        model.graph.weights[layer.weight]?.form = .encoded(form)
        model.graph.weights[layer.weight]?.execution = .integer
        let again = entry.representation == nil ? nil : rounded[layer.weight]
        let errors = [form.sqnrDB(against: original), again?.sqnrDB].compactMap(\.self)
        encodings[layer.weight] = Workpiece.Encoding(
            technique: StaticQuantizer.name, sqnrDB: StaticCandidate.joined(errors),
            note: kernelNote(of: layer)
                + (again.map { "; rounded again to \(settings.weightBits) bits, after \($0.technique)" } ?? ""))
        return (form, original)
    }

    /// The rows of a weight whose kernel may overflow; nil where none does, or it is not to be avoided.
    private func pairedRows(of layer: IntegerLayer, _ shape: Shape) -> PairedRows? {
        let node = model.graph.nodes[layer.node], isConvolution = node.isStandard("Conv")
        // Kernels of convolutions with one input and one output in each group add one product at a time.
        let isDepthwise = isConvolution && node.integer("group", default: 1) == shape.dimensions[0]
        guard settings.overflow == .avoided, !isDepthwise else { return nil }
        return PairedRows(shape, axis: layer.axis, isConvolution: isConvolution)
    }

    /// The signal-to-noise ratio of errors made one after the other, which do not depend on each other, in dB; nil for none.
    private static func joined(_ ratios: [Double]) -> Double? {
        guard ratios.count > 1 else { return ratios.first }
        return -10 * log10(ratios.reduce(0) { $0 + pow(10, -$1 / 10) })
    }

    private func kernelNote(of layer: IntegerLayer) -> String {
        let scaled = rowScaled.filter { $0.weight == layer.weight }.map(\.label)
        let isEvery = model.graph.nodes.filter { $0.inputs.dropFirst().contains(layer.weight) }.count == scaled.count
        let places = isEvery ? "" : " in \(scaled.joined(separator: ", "))"
        let rows = scaled.isEmpty ? "" : ", a scale for each row\(places)"
        return "integer kernel with \(activationType.rawValue) activations\(rows)"
    }

    private func isGemm(_ layer: IntegerLayer) -> Bool { model.graph.nodes[layer.node].isStandard("Gemm") }

    /// What rounding the weights takes from the mean of each output channel: `sum (w - rounded w) * mean(x)`.
    ///
    /// - Reference: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019,
    ///   arXiv:1906.04721, section 4.2, with means measured on data.
    /// - Deviation: the means are the float model's, and padding is not seen; layers do not see each other's errors.
    private func biasCorrection(of layer: IntegerLayer, _ weight: (form: GroupedIntegers, original: Tensor))
        -> [Double]?
    {
        let node = model.graph.nodes[layer.node]
        guard let means = observations[layer.input]?.means, !means.isEmpty else { return nil }
        let shape = weight.original.shape, channels = shape.dimensions[layer.axis]
        let before = weight.original.elements(as: Float.self), after = weight.form.decoded().elements(as: Float.self)
        var correction = [Double](repeating: 0, count: channels)
        if layer.axis == 0 {
            let perChannel = shape.count / max(channels, 1), groups = node.integer("group", default: 1)
            let inputs = node.isStandard("Conv") ? shape.dimensions[1] : perChannel,
                kernel = perChannel / max(inputs, 1)
            guard groups > 0, means.count == inputs * (node.isStandard("Conv") ? groups : 1) else { return nil }
            for channel in 0..<channels {
                let first = node.isStandard("Conv") ? channel / max(channels / groups, 1) * inputs : 0
                for index in 0..<perChannel {
                    let place = channel * perChannel + index
                    correction[channel] += Double(before[place] - after[place]) * means[first + index / kernel]
                }
            }
        } else {
            guard shape.rank == 2, means.count == shape.dimensions[0] else { return nil }
            for place in before.indices {
                correction[place % channels] += Double(before[place] - after[place]) * means[place / channels]
            }
        }
        return correction
    }

    /// Stores a bias as 32-bit integers in steps of input scale times weight scale.
    ///
    /// A bias too large for its steps stays float.
    private mutating func store(_ bias: [Double], of layer: IntegerLayer, scales: [Float]) {
        let levels = zip(bias, scales).compactMap { value, scale in
            Int32(exactly: (value / Double(scale)).rounded(.toNearestOrEven))
        }
        guard levels.count == bias.count else { return }
        let form = GroupedIntegers(
            levels: Tensor(vector: levels), scales: Tensor(vector: scales), grouping: .channel(axis: 0))
        let name = ownBias(of: layer)
        model.graph.weights[name] = Weight(name: name, form: .encoded(form))
        model.graph.weights[name]?.execution = .integer
        let exact = Tensor(vector: bias.map { Float($0) })
        encodings[name] = Workpiece.Encoding(
            technique: StaticQuantizer.name, sqnrDB: form.sqnrDB(against: exact),
            note: settings.biasCorrection ? "corrected for the rounding of the weights" : "")
    }

    /// The name of a bias that only this layer reads; made, and given to the layer, where there is none.
    private mutating func ownBias(of layer: IntegerLayer) -> String {
        if let bias = layer.bias, biasReaders[bias] == 1 { return bias }
        if let bias = layer.bias { biasReaders[bias, default: 0] -= 1 }
        let name = names.make(layer.output, "_bias")
        var inputs = Array(model.graph.nodes[layer.node].inputs.prefix(2))
        inputs.append(name)
        model.graph.nodes[layer.node].inputs = inputs
        if let bias = layer.bias {
            trace.record([bias], into: [name], note: "copied for \(layer.label)", by: StaticQuantizer.name)
        }
        return name
    }
}

extension GroupedIntegers {
    /// The same levels as integer kernels take them; nil where no kernel takes this grouping.
    fileprivate func kernelLevels(axis: Int, withZeroPoints: Bool) -> GroupedIntegers? {
        guard grouping == .channel(axis: axis), levels.type.bitWidth <= 8, let numbers = levels.integers(),
            zeroPoints?.integers()?.allSatisfy({ $0 == 0 }) ?? true, numbers.allSatisfy({ (-128...127).contains($0) }),
            let bytes = try? Tensor(integers: numbers, as: .int8, shape: levels.shape),
            // Biases are in steps of these, and kernels take no half floats.
            let steps = scales.floats()
        else { return nil }
        let form = GroupedIntegers(levels: bytes, scales: Tensor(steps, shape: scales.shape), grouping: grouping)
        return withZeroPoints ? form.withZeroPoints : form
    }

    /// The same with its zero points of 0 written out: ONNX Runtime fuses an integer `Gemm` only where they are.
    fileprivate var withZeroPoints: GroupedIntegers {
        let zeros = [Int](repeating: 0, count: scales.count)
        guard let points = try? Tensor(integers: zeros, as: levels.type, shape: scales.shape) else { return self }
        return GroupedIntegers(levels: levels, scales: scales, zeroPoints: points, grouping: grouping)
    }
}

extension ActivationFormat {
    /// Takes the scale down by as little as it takes to keep the highest level at or below `bound`.
    package mutating func keep(below bound: Float) {
        let highest = Float((type.integerRange?.upperBound ?? 255) - zeroPoint)
        while highest * scale > bound, scale > Float.leastNormalMagnitude { scale = scale.nextDown }
        // More than a few steps would mean that the range reaches past the clip, which observation rules out.
    }
}
