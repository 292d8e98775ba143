import PithTensor

/// Cuts the inputs of a convolution into the rows that its weights are multiplied with (im2col).
///
/// A row holds one output position: for each channel of the group, in order, the taps of the kernel in row-major order, as
/// the weights of an output channel lie; positions past the edge are zero. Any number of spatial axes.
///
/// With a kernel of ones and no padding it turns channels-first outputs into a row for each position.
///
/// - Complexity: O(positions · columns) time and memory for an image and a group.
/// - Reference: ONNX operator `Conv`, for shapes and paddings.
package struct PatchExtractor: Hashable, Sendable {
    /// Channels of an image.
    package let channels: Int
    /// Lengths of the spatial axes of an image.
    package let input: [Int]
    /// Lengths of the spatial axes of the output.
    package let output: [Int]
    /// Groups of channels that are convolved apart.
    package let groups: Int
    /// Output positions: rows for each image.
    package let positions: Int
    /// Channels of a group times taps: columns of a row.
    package let columns: Int
    private let kernel: [Int]
    private let strides: [Int]
    private let padsBefore: [Int]
    private let dilations: [Int]

    /// Describes a convolution; `pads` holds the padding before each axis, then after each.
    ///
    /// - Throws: `CompressionError` `.unsupportedShape` when the numbers do not describe a convolution, or one too large.
    package init(
        channels: Int, input: [Int], kernel: [Int], strides: [Int]? = nil, pads: [Int]? = nil,
        dilations: [Int]? = nil, groups: Int = 1, named name: String
    ) throws(CompressionError) {
        let rank = input.count, ones = [Int](repeating: 1, count: rank)
        let strides = strides ?? ones, dilations = dilations ?? ones
        let pads = pads ?? [Int](repeating: 0, count: 2 * rank)
        let bounds = 1..<1 << 31
        guard kernel.count == rank, strides.count == rank, dilations.count == rank, pads.count == 2 * rank,
            channels > 0, groups > 0, channels.isMultiple(of: groups),
            (input + kernel + strides + dilations).allSatisfy(bounds.contains), pads.allSatisfy((0..<1 << 31).contains)
        else {
            throw PatchExtractor.refusal(name, "its axes, kernel, strides, paddings and groups do not fit each other.")
        }
        let output = (0..<rank).map { axis in
            let room = input[axis] + pads[axis] + pads[rank + axis] - (kernel[axis] - 1) * dilations[axis] - 1
            return room < 0 ? 0 : room / strides[axis] + 1
        }
        guard let positions = Shape.product(of: output), positions > 0,
            let columns = Shape.product(of: [channels / groups] + kernel),
            Shape.product(of: [channels] + input) != nil, Shape.product(of: [positions, columns, 4]) != nil
        else { throw PatchExtractor.refusal(name, "its kernel does not fit its input, or its patches no memory.") }
        self.channels = channels
        self.input = input
        self.output = output
        self.groups = groups
        self.positions = positions
        self.columns = columns
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        padsBefore = Array(pads[..<rank])
    }

    /// Writes the rows of one group of `image`, channels first, to `rows`, whose memory is used again.
    package func extract(_ image: Span<Float>, group: Int, into rows: inout [Float]) {
        precondition(image.count == channels * input.reduce(1, *), "An image has \(channels) channels of \(input).")
        precondition((0..<groups).contains(group), "The group is one of \(groups).")
        let count = positions * columns
        if rows.count == count {
            for index in rows.indices { rows[index] = 0 }
        } else {
            rows = [Float](repeating: 0, count: count)
        }
        let taps = Odometer(kernel).all, lines = Odometer(Array(output.dropLast())).all
        let perGroup = channels / groups
        for channel in 0..<perGroup {
            let plane = (group * perGroup + channel) * input.reduce(1, *)
            for (tap, offset) in taps.enumerated() {
                let column = channel * taps.count + tap
                for (line, place) in lines.enumerated() {
                    copy(image, plane: plane, tap: offset, line: line, place: place, column: column, into: &rows)
                }
            }
        }
    }

    /// Copies what one tap reads along one line of the output, which lies at `place` of the outer axes.
    private func copy(
        _ image: Span<Float>, plane: Int, tap: [Int], line: Int, place: [Int], column: Int, into rows: inout [Float]
    ) {
        guard let last = input.indices.last else {
            rows[column] = image[plane]
            return
        }
        var start = plane, size = 1
        for axis in input.indices.reversed() {
            if axis < last {
                let position = place[axis] * strides[axis] + tap[axis] * dilations[axis] - padsBefore[axis]
                guard (0..<input[axis]).contains(position) else { return }
                start += position * size
            }
            size *= input[axis]
        }
        // Outputs x with 0 <= x * stride + shift < length.
        let shift = tap[last] * dilations[last] - padsBefore[last], stride = strides[last]
        let first = shift >= 0 ? 0 : (stride - 1 - shift) / stride
        let end = min(output[last], input[last] > shift ? (input[last] - shift + stride - 1) / stride : 0)
        guard first < end else { return }
        Kernels.copy(
            image, from: start + first * stride + shift, by: stride, count: end - first, into: &rows,
            at: (line * output[last] + first) * columns + column, by: columns)
    }

    private static func refusal(_ name: String, _ problem: String) -> CompressionError {
        CompressionError(
            code: .unsupportedShape, subject: name, problem: problem, remedy: "Exclude this weight with `where`.")
    }
}

/// The places of a box, in row-major order.
private struct Odometer {
    /// Each place as an index along each axis.
    let all: [[Int]]

    init(_ lengths: [Int]) {
        var places: [[Int]] = [[]]
        for length in lengths { places = places.flatMap { place in (0..<length).map { place + [$0] } } }
        all = places
    }
}
