import PithCompression
import PithTensor
import Testing

/// A convolution, and its textbook result.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
    var channels = 4
    var outputs = 6
    var input = [7, 9]
    var kernel = [3, 3]
    var strides = [1, 1]
    var pads = [1, 1, 1, 1]
    var dilations = [1, 1]
    var groups = 1

    var testDescription: String { "\(input) \(kernel) \(strides) \(pads) \(dilations) \(groups)" }

    static let all = [
        ConvolutionCase(),
        ConvolutionCase(strides: [2, 3], pads: [0, 0, 1, 1]),
        ConvolutionCase(kernel: [2, 3], pads: [0, 2, 0, 1], dilations: [3, 2]),
        ConvolutionCase(strides: [2, 2], pads: [0, 0, 0, 0], groups: 2),
        ConvolutionCase(channels: 6, pads: [3, 4, 0, 5], groups: 6),
        ConvolutionCase(kernel: [1, 1], pads: [0, 0, 0, 0]),
        ConvolutionCase(input: [11], kernel: [4], strides: [3], pads: [2, 1], dilations: [2]),
        ConvolutionCase(
            channels: 2, outputs: 2, input: [3, 4, 5], kernel: [2, 2, 3], strides: [1, 2, 1], pads: [1, 0, 1, 0, 1, 1],
            dilations: [1, 1, 2]),
        ConvolutionCase(input: [3], kernel: [2], strides: [5], pads: [9, 9], dilations: [1]),
    ]

    /// The output at one place, summed over all taps.
    func value(_ image: [Float], _ weights: [Float], channel: Int, place: [Int]) -> Double {
        let perGroup = channels / groups, group = channel / (outputs / groups)
        let taps = kernel.reduce(1, *)
        var sum = 0.0
        for input in 0..<perGroup {
            for tap in 0..<taps {
                var rest = tap, offset = [Int](repeating: 0, count: kernel.count)
                for axis in kernel.indices.reversed() {
                    offset[axis] = rest % kernel[axis]
                    rest /= kernel[axis]
                }
                let at = kernel.indices.map { place[$0] * strides[$0] + offset[$0] * dilations[$0] - pads[$0] }
                guard zip(at, self.input).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                let index = zip(at, self.input).reduce(group * perGroup + input) { $0 * $1.1 + $1.0 }
                sum += Double(image[index]) * Double(weights[(channel * perGroup + input) * taps + tap])
            }
        }
        return sum
    }
}

@Suite struct PatchExtractorTests {
    @Test(arguments: ConvolutionCase.all) func `patches times weights are the convolution`(_ test: ConvolutionCase)
        throws
    {
        let extractor = try PatchExtractor(
            channels: test.channels, input: test.input, kernel: test.kernel, strides: test.strides, pads: test.pads,
            dilations: test.dilations, groups: test.groups, named: "w")
        var numbers = RandomNumbers(seed: 3), rows: [Float] = [7]
        let image = numbers.normals(test.channels * test.input.reduce(1, *))
        let weights = numbers.normals(test.outputs * extractor.columns)
        for channel in 0..<test.outputs {
            extractor.extract(image.span, group: channel / (test.outputs / test.groups), into: &rows)
            #expect(rows.count == extractor.positions * extractor.columns)
            for position in 0..<extractor.positions {
                var rest = position, place = extractor.output
                for axis in place.indices.reversed() {
                    place[axis] = rest % extractor.output[axis]
                    rest /= extractor.output[axis]
                }
                let product = (0..<extractor.columns).reduce(0.0) {
                    $0 + Double(rows[position * extractor.columns + $1])
                        * Double(weights[channel * extractor.columns + $1])
                }
                #expect(abs(product - test.value(image, weights, channel: channel, place: place)) < 1e-9)
            }
        }
    }

    @Test func `a kernel of ones turns channels first into a row for each position`() throws {
        let extractor = try PatchExtractor(channels: 2, input: [2, 2], kernel: [1, 1], named: "y")
        var rows: [Float] = []
        extractor.extract([1, 2, 3, 4, 5, 6, 7, 8].span, group: 0, into: &rows)
        #expect(rows == [1, 5, 2, 6, 3, 7, 4, 8])
    }

    @Test func `what is no convolution is refused`() {
        typealias Attempt = (channels: Int, input: [Int], kernel: [Int], pads: [Int]?, groups: Int)
        let attempts: [Attempt] = [
            (3, [4, 4], [3, 3], nil, 2), (0, [4], [3], nil, 1), (3, [4, 4], [3], nil, 1), (3, [4], [5], nil, 1),
            (3, [4], [3], [1], 1), (3, [4], [3], [-1, 0], 1), (3, [0], [1], nil, 1), (3, [4], [3], nil, 0),
            (3, [1 << 30, 1 << 30, 1 << 30], [1 << 29, 1, 1], nil, 1), (3, [1 << 40], [1], nil, 1),
        ]
        for attempt in attempts {
            let error = #expect(throws: CompressionError.self) {
                try PatchExtractor(
                    channels: attempt.channels, input: attempt.input, kernel: attempt.kernel, pads: attempt.pads,
                    groups: attempt.groups, named: "w")
            }
            #expect(error?.code == .unsupportedShape)
            #expect(error?.subject == "w")
        }
    }
}
