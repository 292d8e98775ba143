/// How raw numbers of a data file become what a graph was trained on: `value = (raw * scale - mean) / std`.
///
/// Each step is rounded to `Float` on its own, as NumPy does with float32 arrays.
struct Normalization: Hashable, Sendable {
    /// Factor of every number.
    let scale: Float
    /// One number for all, or one for each index along axis 1.
    let mean: [Float]
    /// One number for all, or one for each index along axis 1; none is zero.
    let std: [Float]

    /// Creates the formula; the number of `mean` and of `std` is 1 or the same.
    init(scale: Float, mean: [Float], std: [Float]) {
        let channels = max(mean.count, std.count)
        self.scale = scale
        self.mean = mean.count == channels ? mean : [Float](repeating: mean.first ?? 0, count: channels)
        self.std = std.count == channels ? std : [Float](repeating: std.first ?? 1, count: channels)
    }

    /// Length along axis 1 that the lists ask for; nil when single numbers apply to all.
    var channelCount: Int? { mean.count > 1 ? mean.count : nil }

    /// Writes one sample's numbers after the formula to `target`, from `start` on.
    ///
    /// - Complexity: O(*n*).
    @inline(__always)
    func apply<Number: SampleNumber>(to source: Span<Number>, into target: inout MutableSpan<Float>, at start: Int) {
        let length = source.count / mean.count
        for channel in mean.indices {
            let scale = scale, mean = mean[channel], std = std[channel]
            for index in channel * length..<(channel + 1) * length {
                target[start + index] = (source[index].float * scale - mean) / std
            }
        }
    }
}
