import PithTensor

/// Pairs of levels whose products an integer kernel adds first, in 16 bits.
///
/// Kernels for x86 processors without VNNI multiply unsigned activations with signed levels, add the products of two neighbours in
/// 16 bits, where they saturate, and widen only then. With activations of 0 through 255 the pair `(a, b)` is exact where its levels
/// have two signs, or `|a| + |b| <= 128`: `255 * 128 < 2^15`. Neighbours are the first and the second input of a product, the third
/// and the fourth, and so on; convolutions run over all channels of one place, then over those of the next.
///
/// - Reference: Intel, "Intel 64 and IA-32 Architectures Software Developer's Manual", `PMADDUBSW`; ONNX Runtime's documentation of
///   quantization, on U8S8 and `reduce_range`, which halves all levels instead.
package struct ProductPairs: Hashable, Sendable {
    /// What the magnitudes of two levels of one sign may add up to.
    package static let limit = 128

    /// Places of two of a row's inputs.
    private struct Pair: Hashable {
        let first: Int
        let second: Int
    }

    private let pairs: [Pair]

    /// The pairs of a row of `inputs` numbers that lie side by side; of a convolution, channel by channel with `places` numbers each.
    package init(inputs: Int, places: Int = 1) {
        precondition(places > 0 && inputs.isMultiple(of: places), "Every channel has \(places) places.")
        let channels = inputs / places
        func place(_ index: Int) -> Int { index % channels * places + index / channels }
        pairs = stride(from: 1, to: inputs, by: 2).map { Pair(first: place($0 - 1), second: place($0)) }
    }

    /// The smallest scale at which rounding to nearest leaves every pair exact, in a row that starts at `start` and whose numbers
    /// lie `step` apart.
    ///
    /// Rounding adds at most half a level to each of two.
    package func smallestScale(of values: Span<Float>, from start: Int = 0, step: Int = 1) -> Float {
        var largest: Float = 0
        let reach = Float(ProductPairs.limit - 1)
        for pair in pairs {
            // Divided first, so that the sum of two large numbers is finite.
            let first = values[start + pair.first * step] / reach, second = values[start + pair.second * step] / reach
            if (first < 0) == (second < 0) { largest = max(largest, abs(first + second)) }
        }
        return largest
    }

    /// Takes what is too much from the larger level of each pair that is not exact, in such a row of signed levels.
    ///
    /// - Returns: How many pairs were changed.
    @discardableResult
    package func limit(_ levels: inout [Int8], from start: Int = 0, step: Int = 1) -> Int {
        var changed = 0
        for pair in pairs {
            let places = (start + pair.first * step, start + pair.second * step)
            let first = Int(levels[places.0]), second = Int(levels[places.1])
            let excess = (first < 0) == (second < 0) ? abs(first + second) - ProductPairs.limit : 0
            guard excess > 0 else { continue }
            changed += 1
            let larger = abs(first) >= abs(second) ? places.0 : places.1
            // Two levels of -128 are 128 too much, which no Int8 holds.
            levels[larger] = Int8(Int(levels[larger]) + (levels[larger] < 0 ? excess : -excess))
        }
        return changed
    }
}
