package import PithEvaluation
import PithFormats
package import PithModel
import PithRuntime
package import PithTensor

/// What was seen of one activation.
package struct Observation: Sendable {
    package var histogram = ActivationHistogram()
    /// The average range of the runs.
    package var average = MovingBounds()
    /// The range that measurement chose; nil where the calibrator alone decides.
    package var chosen: ActivationRange?
    /// Sum over all samples for each index of the channel axis, and how many values each sum has; empty if not asked for.
    package var sums: [Double] = []
    package var valuesPerChannel = 0

    /// Nothing seen yet; `weight` is that of a run in the average range.
    package init(averageWeight weight: Double = MovingBounds.usualWeight) { average = MovingBounds(weight: weight) }

    /// Mean of each channel.
    package var means: [Double] { sums.map { $0 / Double(max(valuesPerChannel, 1)) } }

    package mutating func add(_ tensor: Tensor, channelAxis: Int?) {
        guard tensor.type == .float32 else { return }
        tensor.withElements(as: Float.self) { values in
            histogram.add(values)
            if let bounds = Kernels.range(of: values).bounds { average.add(bounds) }
            guard let axis = channelAxis.flatMap({ tensor.shape.resolved(axis: $0) }), tensor.count > 0 else { return }
            let (outer, channels, inner) = tensor.shape.strides(around: axis)
            if sums.isEmpty { sums = [Double](repeating: 0, count: channels) }
            guard sums.count == channels else { return }
            for block in 0..<outer {
                let start = block * channels * inner
                if inner == 1 {
                    Kernels.addColumns(values.extracting(start..<start + channels), to: &sums)
                } else {
                    for channel in 0..<channels {
                        let place = start + channel * inner
                        sums[channel] += Kernels.sum(of: values.extracting(place..<place + inner))
                    }
                }
            }
            valuesPerChannel += outer * inner
        }
    }

    package mutating func merge(_ other: Observation) {
        histogram.merge(other.histogram)
        average.append(other.average)
        if sums.isEmpty {
            sums = other.sums
        } else if other.sums.count == sums.count {
            for index in sums.indices { sums[index] += other.sums[index] }
        }
        valuesPerChannel += other.valuesPerChannel
    }

    /// The range of this activation: the chosen one, or that of `calibrator`.
    package func range(_ calibrator: Calibrator, percentile: Double, levels: Int) -> ActivationRange {
        chosen
            ?? ActivationRange(histogram, calibrator, percentile: percentile, levels: levels, average: average)
    }
}

/// Runs a float model over calibration rows and gathers statistics of chosen activations.
///
/// The rows are cut into pieces whose number does not depend on the number of threads; what the pieces give is joined
/// in order. So the result is the same at any thread count.
package struct ActivationObserver {
    private let model: Model
    private let source: any SampleSource
    private let threads: Int
    private let averageWeight: Double

    private static let pieces = 8

    /// Observes `model` on rows of `source`, on at most `threads` threads.
    ///
    /// `averageWeight` is that of a run in the average of ranges.
    package init(
        model: Model, source: any SampleSource, threads: Int, averageWeight: Double = MovingBounds.usualWeight
    ) {
        self.averageWeight = averageWeight
        self.model = model
        self.source = source
        self.threads = threads
    }

    /// Statistics of `values`; those with a channel axis also get the mean of each channel.
    ///
    /// A value `x` of `cutSummands` is read by the sum with the value `y` that it stands for there, and a ReLU alone reads that sum:
    /// what is seen of it is `max(x, -max(y, 0))`, which gives the same results with the least range.
    ///
    /// - Throws: What the runtime, the data and the readers throw; `CancellationError`.
    package func observe(
        _ values: [String], channelAxes: [String: Int], cutSummands: [String: String] = [:], rows: Range<Int>
    ) async throws -> [String: Observation] {
        guard !values.isEmpty else { return [:] }
        var observed = model, seenAs: [String: String] = [:]
        for value in values {
            seenAs[value] = cutSummands[value].map { observed.graph.cut(value, besideSummand: $0) } ?? value
        }
        let places = values.compactMap { value in seenAs[value].map { (value: value, output: $0) } }
        let bytes = try ONNXWriter.encode(observed.exposing(places.map(\.output)))
        var options = SessionOptions()
        options.optimization = .all
        let session = try Session(bytes: bytes, name: "calibration", options: options)
        // All activations of a batch are held at once, so batches stay small.
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0)
            .limited()
        let runner = BatchRunner(source: source, plan: plan)
        let nothing = Observation(averageWeight: averageWeight)
        let gathered = try await Parallel.map(
            source.pieces(of: rows, batch: plan.size, count: Self.pieces), threads: threads
        ) { piece in
            var seen: [String: Observation] = [:]
            try runner.run([session], outputs: [places.map(\.output)], over: piece) { batch in
                for place in places {
                    guard let tensor = batch.outputs[0][place.output] else { continue }
                    seen[place.value, default: nothing].add(tensor, channelAxis: channelAxes[place.value])
                }
            }
            return seen
        }
        return gathered.reduce(into: [:]) { all, piece in
            for (name, observation) in piece { all[name, default: nothing].merge(observation) }
        }
    }
}

extension Graph {
    /// Adds `max(value, -max(other, 0))`: the least that can stand for `value` where a ReLU alone reads `value + other`; answers its name.
    fileprivate mutating func cut(_ value: String, besideSummand other: String) -> String {
        var names = NameSource(taken: allNames)
        let positive = names.make(value, "_beside"), least = names.make(value, "_least")
        let result = names.make(value, "_cut")
        nodes += [
            Node("Relu", inputs: [other], outputs: [positive]), Node("Neg", inputs: [positive], outputs: [least]),
            Node("Max", inputs: [value, least], outputs: [result]),
        ]
        return result
    }
}

extension Model {
    /// The model with values of its main graph as further outputs.
    func exposing(_ values: [String]) -> Model {
        var model = self
        let known = Set(model.graph.outputs.map(\.name))
        for value in values where !known.contains(value) {
            model.graph.outputs.append(ValueInfo(name: value, type: model.graph.type(of: value)))
        }
        return model
    }
}
