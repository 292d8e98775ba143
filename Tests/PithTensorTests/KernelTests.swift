import PithTensor
import PithTestSupport
import Testing

/// Floats that meet the corners of every kernel: both zeros, denormals, ties, infinities, NaN.
struct Numbers: Sendable, CustomTestStringConvertible {
    let count: Int
    /// Whether values that are not finite, and huge ones, are among them.
    let isWild: Bool

    var testDescription: String { "\(count)\(isWild ? " wild" : "")" }

    /// Lengths around every vector width, tame and wild.
    static let all: [Numbers] =
        [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1000].flatMap { count in
            [false, true].map { Numbers(count: count, isWild: $0) }
        }

    var values: [Float] {
        var generator = SplitMix64(seed: UInt64(count) * 2 + (isWild ? 1 : 0))
        let corners: [Float] = [0, -0.0, 0.5, 1.5, -2.5, 127.5, -128.5, .leastNonzeroMagnitude, -.leastNormalMagnitude]
        let wild: [Float] = [.nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, -.nan]
        return (0..<count).map { _ in
            switch generator.next() % 8 {
            case 0: corners[Int(generator.next() % UInt64(corners.count))]
            case 1 where isWild: wild[Int(generator.next() % UInt64(wild.count))]
            case 2: Float.random(in: -300...300, using: &generator).rounded() / 2
            default: Float.random(in: -4...4, using: &generator)
            }
        }
    }

    var scales: [Float] {
        var generator = SplitMix64(seed: 7)
        return (0..<count).map { _ in Float.random(in: 0.001...2, using: &generator) }
    }
}

/// Each kernel against its plain twin, bit for bit.
@Suite struct KernelTests {
    @Test(arguments: Numbers.all) func `the range is the twin's`(_ numbers: Numbers) {
        let values = numbers.values
        let fast = Kernels.range(of: values.span), plain = ReferenceKernels.range(of: values.span)
        #expect(fast.bounds?.lowerBound.bitPattern == plain.bounds?.lowerBound.bitPattern)
        #expect(fast.bounds?.upperBound.bitPattern == plain.bounds?.upperBound.bitPattern)
        #expect(fast.nonFinite == plain.nonFinite)
    }

    @Test(arguments: Numbers.all) func `the histogram is the twin's`(_ numbers: Numbers) {
        let values = numbers.values
        for bins in [2, 4, 256, 2048] {
            var fast = [UInt32](repeating: 3, count: bins), plain = fast
            Kernels.histogram(of: values.span, inverseWidth: 0x1p5, into: &fast)
            ReferenceKernels.histogram(of: values.span, inverseWidth: 0x1p5, into: &plain)
            #expect(fast == plain)
        }
    }

    @Test(arguments: Numbers.all) func `levels are the twin's`(_ numbers: Numbers) {
        let values = numbers.values
        for (scale, range) in [(Float(1), -128...127), (0.03, -127...127), (0.7, -8...7), (0x1p-133, -64...63)] {
            var fast = [Int8](repeating: 99, count: values.count + 3), plain = fast
            Kernels.quantize(values.span, scale: scale, range: range, into: &fast, at: 2)
            ReferenceKernels.quantize(values.span, scale: scale, range: range, into: &plain, at: 2)
            #expect(fast == plain)
        }
    }

    @Test(arguments: Numbers.all) func `levels with a scale each are the twin's`(_ numbers: Numbers) {
        let values = numbers.values, scales = numbers.scales
        var fast = [Int8](repeating: 99, count: values.count + 1), plain = fast
        Kernels.quantize(values.span, scales: scales.span, range: -127...127, into: &fast, at: 1)
        ReferenceKernels.quantize(values.span, scales: scales.span, range: -127...127, into: &plain, at: 1)
        #expect(fast == plain)
    }

    @Test(arguments: Numbers.all) func `column magnitudes are the twin's`(_ numbers: Numbers) {
        var fast = numbers.scales, plain = fast
        Kernels.absoluteMaximum(ofColumns: numbers.values.span, into: &fast)
        ReferenceKernels.absoluteMaximum(ofColumns: numbers.values.span, into: &plain)
        #expect(fast.map(\.bitPattern) == plain.map(\.bitPattern))
    }

    @Test(arguments: Numbers.all) func `sums and counts are the twin's`(_ numbers: Numbers) {
        let values = numbers.values
        #expect(Kernels.zeros(in: values.span) == ReferenceKernels.zeros(in: values.span))
        let fast = Kernels.sum(of: values.span), plain = ReferenceKernels.sum(of: values.span)
        #expect(fast.bitPattern == plain.bitPattern || fast.isNaN && plain.isNaN)
        var columns = numbers.scales.map { Double($0) }, twin = columns
        Kernels.addColumns(values.span, to: &columns)
        ReferenceKernels.addColumns(values.span, to: &twin)
        #expect(zip(columns, twin).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
    }

    @Test func `ties go to the even level, NaN to the lowest, the rest into the range`() {
        let values: [Float] = [0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, .nan, .infinity, -.infinity, 1e30, 126.5, 127.5]
        var levels = [Int8](repeating: 0, count: values.count)
        Kernels.quantize(values.span, scale: 1, range: -127...127, into: &levels, at: 0)
        #expect(levels == [0, 2, 2, 0, -2, 0, -127, 127, -127, 127, 126, 127])
    }

    @Test func `a range without finite values is none, and its zero is positive`() {
        #expect(Kernels.range(of: [Float.nan, .infinity].span).bounds == nil)
        #expect(Kernels.range(of: [Float.nan, .infinity].span).nonFinite == 2)
        #expect(Kernels.range(of: [Float]().span) == (nil, 0))
        let zero = Kernels.range(of: [Float](repeating: -0.0, count: 40).span).bounds
        #expect(zero?.lowerBound.sign == .plus && zero?.upperBound.sign == .plus)
    }

    @Test func `bins hold magnitudes by sign, the last one all beyond`() {
        var bins = [UInt32](repeating: 0, count: 8)
        let values: [Float] = [0, -0.0, 0.9, 1, 3.5, 4, 1e30, -0.1, -1, -9, .nan, -.infinity]
        Kernels.histogram(of: values.span, inverseWidth: 1, into: &bins)
        #expect(bins == [1, 1, 0, 1, 3, 1, 0, 3])
    }

    @Test func `parts of a row work without alignment`() {
        let values = Numbers(count: 257, isWild: true).values
        for start in 1..<5 {
            let part = values.span.extracting(start..<250)
            #expect(Kernels.zeros(in: part) == ReferenceKernels.zeros(in: part))
            #expect(Kernels.range(of: part) == ReferenceKernels.range(of: part))
        }
    }
}

private func == (
    left: (bounds: ClosedRange<Float>?, nonFinite: Int), right: (bounds: ClosedRange<Float>?, nonFinite: Int)
) -> Bool {
    left.bounds == right.bounds && left.nonFinite == right.nonFinite
}
