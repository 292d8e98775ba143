import PithTensor

/// A random orthogonal matrix whose entries all have about the same magnitude, so that it spreads what a few channels
/// hold over many: `Q = D H / sqrt(n)` for rows, `x Q`, with random signs `D`.
///
/// `H` is the Kronecker product of a Sylvester matrix with the smallest ``HadamardMatrix`` that leaves a power of two:
/// order 12 for 384 = 32 · 12 channels, order 20 for 160 = 8 · 20. Where there is none (28 · 47 and the like, and orders that
/// four does not divide) `H` consists of blocks of the largest power of two that divides the number of channels.
///
/// With `keepsMeans` a reflection follows that takes the image of `1 ... 1` back to where it was: `Q` then has the vector
/// of ones as an eigenvector, so it commutes with subtracting the mean of a row, and with `LayerNormalization`.
///
/// - Complexity: O(*n* (log *n* + *m*)) for a row, with *m* the order of the small matrix.
/// - Reference: Ashkboos et al., "QuaRot", arXiv:2404.00456, section 3; Tseng et al., "QuIP#", arXiv:2402.04396,
///   section 3 (randomized Hadamard transforms).
/// - Deviation: the means of layer normalization are kept by the reflection instead of being folded into weights, as in
///   SliceGPT (arXiv:2401.15024), after which another operator would have to stand for the normalization.
package struct HadamardRotation: Hashable, Sendable {
    /// Channels.
    package let count: Int
    /// Channels of a block that is rotated by itself: all of them, or a power of two.
    package let blockLength: Int
    private let matrix: HadamardMatrix
    private let signs: [Double]
    private let reflection: [Double]?

    /// Orders of the small matrix that are tried at most: multiplying with it is not fast.
    private static let largestOrder = 1024

    /// A rotation of `count` channels from a seed; nil where not even two of them can be mixed alike.
    package init?(count: Int, seed: UInt64, keepsMeans: Bool = false) {
        guard count >= 2, count.isMultiple(of: 2), let layout = HadamardRotation.layout(of: count) else { return nil }
        var generator = SplitMix64(seed: seed)
        let signs = (0..<count).map { _ in generator.next() >> 63 == 0 ? 1.0 : -1 }
        let plain = HadamardRotation(layout.matrix, layout.blockLength, signs, reflection: nil)
        let reflection = keepsMeans ? plain.reflectionToOnes : nil
        self.init(layout.matrix, layout.blockLength, signs, reflection: reflection)
    }

    private init(_ matrix: HadamardMatrix, _ blockLength: Int, _ signs: [Double], reflection: [Double]?) {
        count = signs.count
        self.blockLength = blockLength
        self.matrix = matrix
        self.signs = signs
        self.reflection = reflection
    }

    /// The small matrix and the length of the blocks.
    private static func layout(of count: Int) -> (matrix: HadamardMatrix, blockLength: Int)? {
        let power = count & -count, odd = count / power
        if odd > 1 {
            var order = odd * 4
            while order <= min(count, largestOrder) {
                if count.isMultiple(of: order), let matrix = HadamardMatrix(order: order) { return (matrix, count) }
                order *= 2
            }
        }
        return HadamardMatrix(order: 1).map { ($0, power) }
    }

    /// The unit vector whose reflection exchanges `1 ... 1 / sqrt(n)` and its image; nil where they are the same.
    private var reflectionToOnes: [Double]? {
        let unit = 1 / Double(count).squareRoot()
        var difference = [Double](repeating: unit, count: count)
        apply(to: &difference)
        for index in difference.indices { difference[index] -= unit }
        let length = difference.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 1e-9 ? difference.map { $0 / length } : nil
    }

    /// What is said of it in reports.
    package var summary: String {
        let order = matrix.order > 1 ? "\(blockLength / matrix.order) x order \(matrix.order)" : "order \(blockLength)"
        return blockLength == count ? "Hadamard matrix, \(order)" : "blocks of Hadamard matrices, \(order)"
    }

    /// Replaces the row `x` by `x Q`.
    package func apply(to row: inout [Double]) {
        precondition(row.count == count, "A rotation of \(count) channels was given \(row.count).")
        for index in row.indices { row[index] *= signs[index] }
        mixRuns(&row)
        var half = matrix.order
        while half < blockLength {
            for start in stride(from: 0, to: count, by: 2 * half) {
                for index in start..<start + half {
                    let (left, right) = (row[index], row[index + half])
                    (row[index], row[index + half]) = (left + right, left - right)
                }
            }
            half *= 2
        }
        let scale = 1 / Double(blockLength).squareRoot()
        for index in row.indices { row[index] *= scale }
        reflect(&row)
    }

    /// Multiplies each run of `order` numbers with the small matrix.
    private func mixRuns(_ row: inout [Double]) {
        let order = matrix.order
        guard order > 1 else { return }
        var mixed = [Double](repeating: 0, count: order)
        for start in stride(from: 0, to: count, by: order) {
            for column in 0..<order { mixed[column] = 0 }
            for place in 0..<order {
                let value = row[start + place]
                for column in 0..<order { mixed[column] += value * matrix.elements[place * order + column] }
            }
            for column in 0..<order { row[start + column] = mixed[column] }
        }
    }

    private func reflect(_ row: inout [Double]) {
        guard let reflection else { return }
        var product = 0.0
        for index in row.indices { product += row[index] * reflection[index] }
        for index in row.indices { row[index] -= 2 * product * reflection[index] }
    }
}
