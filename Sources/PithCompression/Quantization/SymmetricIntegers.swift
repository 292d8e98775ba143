package import PithModel
package import PithTensor

/// Symmetric integer quantization of one weight: a scale for each channel or for the whole tensor, no zero point.
///
/// `scale = max|w| / (2^(bits-1) - 1)`; `level = round(w / scale)`, ties to even.
///
/// | value  | shape                       | unit             |
/// | ------ | --------------------------- | ---------------- |
/// | levels | the weight's                | integer levels   |
/// | scales | `[channels]`, or none       | weight per level |
///
/// - Error bound: `|w - decoded(w)| <= scale / 2` for finite input, up to the rounding of one `Float` product.
/// - Complexity: O(*n*) time.
/// - Reference: Jacob et al., CVPR 2018, arXiv:1712.05877, section 2.1; Krishnamoorthi, arXiv:1806.08342, section 2.1.3.
package enum SymmetricIntegers {
    /// Encodes a `float32` tensor into 8-bit levels of `bits` bits (2 through 8); scales stay at or above `smallestScales`.
    ///
    /// - Throws: `CompressionError` `.nonFiniteWeight` for NaN or infinity.
    package static func encode(
        _ tensor: Tensor, named name: String, axis: Int?, bits: Int = 8, smallestScales: [Float] = []
    ) throws(CompressionError) -> GroupedIntegers {
        let (outer, channels, inner) = axis.map { tensor.shape.strides(around: $0) } ?? (1, 1, tensor.count)
        let largest = Float(1 << (bits - 1) - 1), range = -Int(largest)...Int(largest)
        return try tensor.withElements(as: Float.self) { (values) throws(CompressionError) in
            try requireFinite(values, named: name)
            let maxima = maxima(of: values, outer, channels, inner)
            // A channel of zeros keeps a harmless scale of 1: its levels are 0.
            let scales = maxima.enumerated().map { index, maximum in
                let scale = max(maximum / largest, index < smallestScales.count ? smallestScales[index] : 0)
                return scale >= Float.leastNormalMagnitude ? scale : 1
            }
            var levels = [Int8](repeating: 0, count: values.count)
            for block in 0..<outer {
                let start = block * channels * inner
                if inner == 1 {
                    Kernels.quantize(
                        values.extracting(start..<start + channels), scales: scales.span, range: range, into: &levels,
                        at: start)
                } else {
                    for channel in 0..<channels {
                        let place = start + channel * inner
                        Kernels.quantize(
                            values.extracting(place..<place + inner), scale: scales[channel], range: range,
                            into: &levels, at: place)
                    }
                }
            }
            let shape = axis == nil ? Shape.scalar : .vector(channels)
            return GroupedIntegers(
                levels: Tensor(levels, shape: tensor.shape), scales: Tensor(scales, shape: shape),
                grouping: axis.map { .channel(axis: $0) } ?? .tensor)
        }
    }

    private static func maxima(of values: Span<Float>, _ outer: Int, _ channels: Int, _ inner: Int) -> [Float] {
        var maxima = [Float](repeating: 0, count: channels)
        for block in 0..<outer {
            let start = block * channels * inner
            if inner == 1 {
                Kernels.absoluteMaximum(ofColumns: values.extracting(start..<start + channels), into: &maxima)
            } else {
                for channel in 0..<channels {
                    let place = start + channel * inner
                    let bounds = Kernels.range(of: values.extracting(place..<place + inner)).bounds ?? 0...0
                    maxima[channel] = max(maxima[channel], -bounds.lowerBound, bounds.upperBound)
                }
            }
        }
        return maxima
    }

    private static func requireFinite(_ values: Span<Float>, named name: String) throws(CompressionError) {
        let bad = Kernels.range(of: values).nonFinite
        guard bad > 0 else { return }
        throw CompressionError(
            code: .nonFiniteWeight, subject: name, problem: "\(bad) of its values are NaN or infinite.",
            remedy: "Repair the model, or exclude this weight with `where`.")
    }
}
