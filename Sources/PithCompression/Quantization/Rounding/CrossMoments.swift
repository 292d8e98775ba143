import PithTensor

/// Sums of `t xᵀ`, `t` and `x` over pairs of an output that a layer should give and the input it really gets.
///
/// With these, rounding aims at the outputs of the float model although the layers before are already rounded: the best
/// weights are `E[t xᵀ] E[x xᵀ]⁻¹`. `t` may hold whatever the layer is to make up for, such as the error of a shortcut
/// that is added to its output.
///
/// - Complexity: O(*m n*) memory, for *m* outputs and *n* inputs; *m n* multiplications a row.
package struct CrossMoments: Sendable {
    /// Numbers in a row of outputs.
    package let outputDimension: Int
    /// Numbers in a row of inputs.
    package let inputDimension: Int
    /// Pairs of rows seen.
    package private(set) var count = 0
    private var outputSums: [Double]
    private var inputSums: [Double]
    private var products = PanelProducts()
    private var outputs: RowPanels
    private var inputs: RowPanels

    /// Nothing seen yet.
    package init(outputs: Int, inputs: Int) {
        precondition(outputs > 0 && inputs > 0, "A layer has inputs and outputs.")
        outputDimension = outputs
        inputDimension = inputs
        outputSums = [Double](repeating: 0, count: outputs)
        inputSums = [Double](repeating: 0, count: inputs)
        self.outputs = RowPanels(columns: outputs)
        self.inputs = RowPanels(columns: inputs)
    }

    /// Adds rows of outputs and as many rows of inputs, each one after the other.
    ///
    /// - Throws: `CompressionError` `.invalidData` when a number is not finite, `.unsupportedShape` when the numbers do not
    ///   fill whole rows or the two counts differ; nothing is added then.
    package mutating func add(outputs rows: Span<Float>, inputs others: Span<Float>) throws(CompressionError) {
        try CompressionError.requireRows(rows, of: outputDimension)
        try CompressionError.requireRows(others, of: inputDimension)
        let added = rows.count / outputDimension
        guard others.count / inputDimension == added else {
            throw CompressionError(
                code: .unsupportedShape, subject: "activations",
                problem: "\(added) rows of outputs meet \(others.count / inputDimension) rows of inputs.",
                remedy: "Give both for the same samples.")
        }
        for index in 0..<added {
            let output = rows.extracting(index * outputDimension..<(index + 1) * outputDimension)
            let input = others.extracting(index * inputDimension..<(index + 1) * inputDimension)
            Kernels.addColumns(output, to: &outputSums)
            Kernels.addColumns(input, to: &inputSums)
            outputs.append(output)
            inputs.append(input)
            count += 1
            if outputs.isFull { flush() }
        }
    }

    /// Adds what another part of the data gave.
    package mutating func merge(_ other: CrossMoments) {
        precondition(
            other.outputDimension == outputDimension && other.inputDimension == inputDimension,
            "Moments of another layer do not fit.")
        var other = other
        other.flush()
        flush()
        products.merge(other.products)
        for index in outputSums.indices { outputSums[index] += other.outputSums[index] }
        for index in inputSums.indices { inputSums[index] += other.inputSums[index] }
        count += other.count
    }

    /// Mean of each output; zero before the first row.
    package var outputMeans: [Double] { outputSums.map { $0 / Double(max(count, 1)) } }

    /// The mean of `t xᵀ` (or of both less their means), `outputDimension` rows of `inputDimension`.
    package func matrix(isCentered: Bool) -> [Double] {
        var flushed = self
        flushed.flush()
        let padded = inputs.paddedColumns, rows = Double(max(count, 1)), outputMeans = outputMeans
        let inputMeans = inputSums.map { $0 / rows }
        var elements = [Double](repeating: 0, count: outputDimension * inputDimension)
        for row in 0..<outputDimension where !flushed.products.isEmpty {
            for column in 0..<inputDimension {
                let value = flushed.products.sums[row * padded + column] / rows
                elements[row * inputDimension + column] =
                    isCentered ? value - outputMeans[row] * inputMeans[column] : value
            }
        }
        return elements
    }

    private mutating func flush() {
        products.add(outputs, inputs, isSymmetric: false)
        outputs.clear()
        inputs.clear()
    }
}
