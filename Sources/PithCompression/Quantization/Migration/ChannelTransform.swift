import PithTensor

/// What is done to the channels along one axis of a constant: a factor for each, then a rotation of some of them together.
struct ChannelTransform: Hashable, Sendable {
    /// The factor of each channel.
    let factors: [Double]
    /// The rotation, with the channels of each block that it turns, in the order it takes them.
    private let rotation: HadamardRotation?
    private let blocks: [[Int]]

    /// Multiplies each channel.
    init(scaling factors: [Double]) {
        self.factors = factors
        rotation = nil
        blocks = []
    }

    /// Multiplies each channel where there are `factors`, then rotates all of them.
    init(rotating rotation: HadamardRotation, after factors: [Double]? = nil) {
        self.factors = factors ?? [Double](repeating: 1, count: rotation.count)
        self.rotation = rotation
        blocks = [Array(0..<rotation.count)]
    }

    /// Rotates the channels of each block among themselves; `count` is the number of all channels.
    init(rotating rotation: HadamardRotation, blocks: [[Int]], of count: Int) {
        precondition(blocks.allSatisfy { $0.count == rotation.count }, "A block has the channels of its rotation.")
        factors = [Double](repeating: 1, count: count)
        self.rotation = rotation
        self.blocks = blocks
    }

    /// Channels.
    var count: Int { factors.count }

    /// Whether channels are not mixed, so that a number that stands for all of them can become a number for each.
    var isScaling: Bool { rotation == nil }

    /// Changes one line of channels.
    func apply(to line: inout [Double]) {
        precondition(line.count == count, "A line of \(line.count) channels does not fit \(count).")
        for index in line.indices { line[index] *= factors[index] }
        guard let rotation else { return }
        for block in blocks {
            var part = block.map { line[$0] }
            rotation.apply(to: &part)
            for (place, channel) in block.enumerated() { line[channel] = part[place] }
        }
    }
}

extension Tensor {
    /// The `float32` tensor with every line along `axis` transformed in double precision and rounded once.
    ///
    /// - Complexity: O(elements) for factors; times the logarithm of the channels for rotations.
    func applying(_ transform: ChannelTransform, along axis: Int) -> Tensor {
        var numbers = elements(as: Float.self)
        let (outer, length, inner) = shape.strides(around: axis)
        var line = [Double](repeating: 0, count: length)
        for block in 0..<outer {
            for column in 0..<inner {
                let start = block * length * inner + column
                for place in 0..<length { line[place] = Double(numbers[start + place * inner]) }
                transform.apply(to: &line)
                for place in 0..<length { numbers[start + place * inner] = Float(line[place]) }
            }
        }
        return Tensor(numbers, shape: shape)
    }
}
