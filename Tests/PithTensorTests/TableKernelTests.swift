import PithTensor
import Testing

@Suite struct TableKernelTests {
    /// A table of seeded levels that ascend, and the middles between them.
    private func table(bits: Int) -> (levels: [Float], thresholds: [Float]) {
        var generator = SplitMix64(seed: UInt64(bits)), level: Float = -1
        let levels = (0..<1 << bits).map { _ in
            level += Float.random(in: 0.001...2 / Float(1 << bits), using: &generator)
            return level
        }
        return (levels, zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 })
    }

    @Test(arguments: 1...8, [0, 1, 15, 16, 17, 32, 47, 300])
    func `moments and codes of a table are the twin's, bit for bit`(bits: Int, count: Int) {
        var generator = SplitMix64(seed: 9)
        let table = table(bits: bits), values = (0..<count).map { _ in Float.random(in: -2...2, using: &generator) }
        let scales: [Float] = [1, -1.5, 0.3, 1e-30, -7e20]
        let fast = Kernels.tableMoments(
            values.span, levels: table.levels, thresholds: table.thresholds, scales: scales)
        let plain = ReferenceKernels.tableMoments(
            values.span, levels: table.levels, thresholds: table.thresholds, scales: scales)
        #expect(fast.map(\.products) == plain.map(\.products) && fast.map(\.squares) == plain.map(\.squares))
        for scale in scales {
            var found = [UInt8](repeating: 77, count: count + 2), expected = found
            Kernels.tableCodes(values.span, thresholds: table.thresholds, scale: scale, into: &found, at: 1)
            ReferenceKernels.tableCodes(values.span, thresholds: table.thresholds, scale: scale, into: &expected, at: 1)
            #expect(found == expected && found.first == 77 && found.last == 77)
        }
    }

    @Test func `a value goes to the nearest level, and to the lower one from the middle`() {
        let levels: [Float] = [-1, -0.25, 0, 0.5], thresholds: [Float] = [-0.625, -0.125, 0.25]
        let values: [Float] = [-9, -1.25, -1.24, -0.25, -0.24, 0, 0.5, 0.51, 9, .nan]
        var codes = [UInt8](repeating: 9, count: values.count)
        Kernels.tableCodes(values.span, thresholds: thresholds, scale: 2, into: &codes, at: 0)
        #expect(codes == [0, 0, 1, 1, 2, 2, 2, 3, 3, 0])
        let moments = Kernels.tableMoments(
            values.dropLast().map { $0 }.span, levels: levels, thresholds: thresholds, scales: [2])
        #expect(moments.count == 1 && moments[0].squares == 1 + 1 + 0.0625 * 2 + 0.25 * 2)
        #expect(abs(moments[0].products - (9 + 1.25 + 0.31 + 0.0625 + 0.255 + 4.5)) < 1e-6)
    }
}
