import PithCompression
import PithTensor
import Testing

@Suite struct MomentsTests {
    private func rows(_ count: Int, _ columns: Int, seed: UInt64 = 1) -> [Float] {
        var numbers = RandomNumbers(seed: seed)
        return numbers.correlated(count, columns: columns)
    }

    private func mean(_ left: [Float], _ m: Int, _ i: Int, _ right: [Float], _ n: Int, _ j: Int) -> Double {
        let count = left.count / m
        return (0..<count).reduce(0) { $0 + Double(left[$1 * m + i]) * Double(right[$1 * n + j]) } / Double(count)
    }

    @Test(arguments: [1, 5, 31, 32, 33, 70]) func `moments are the means of products`(columns: Int) throws {
        let rows = rows(301, columns)
        var moments = SecondMoments(dimension: columns)
        try moments.add(rows: rows.span)
        #expect(moments.count == 301)
        let raw = moments.matrix(isCentered: false), centered = moments.matrix(isCentered: true)
        for i in 0..<columns {
            for j in 0..<columns {
                let expected = mean(rows, columns, i, rows, columns, j)
                let size = (raw[i, i] * raw[j, j]).squareRoot()
                #expect(abs(raw[i, j] - expected) <= 1e-6 * size)
                #expect(abs(centered[i, j] - (expected - moments.means[i] * moments.means[j])) <= 1e-6 * size)
                #expect(raw[i, j] == raw[j, i])
            }
        }
    }

    @Test func `how rows are cut into calls does not show`() throws {
        let rows = rows(300, 40)
        var whole = SecondMoments(dimension: 40), pieces = whole
        try whole.add(rows: rows.span)
        for start in stride(from: 0, to: 300, by: 7) {
            try pieces.add(rows: rows.span.extracting(start * 40..<min(start + 7, 300) * 40))
        }
        #expect(whole.matrix(isCentered: true) == pieces.matrix(isCentered: true))
        #expect(whole.means == pieces.means)
    }

    @Test func `parts that are merged give the whole`() throws {
        let rows = rows(301, 33)
        var whole = SecondMoments(dimension: 33), first = whole, second = whole
        try whole.add(rows: rows.span)
        try first.add(rows: rows.span.extracting(0..<130 * 33))
        try second.add(rows: rows.span.extracting(130 * 33..<301 * 33))
        first.merge(second)
        first.merge(SecondMoments(dimension: 33))
        #expect(first.count == 301)
        let expected = whole.matrix(isCentered: false), merged = first.matrix(isCentered: false)
        for index in expected.elements.indices {
            #expect(abs(expected.elements[index] - merged.elements[index]) < 1e-5)
        }
    }

    @Test func `a constant input has no variance`() throws {
        var moments = SecondMoments(dimension: 2)
        let rows = (0..<500).flatMap { [0.1, Float($0 % 2)] as [Float] }
        try moments.add(rows: rows.span)
        let centered = moments.matrix(isCentered: true)
        #expect(centered[0, 0] >= 0 && centered[0, 0] < 1e-8)
        #expect(abs(centered[1, 1] - 0.25) < 1e-12)
    }

    @Test(arguments: [(1, 1), (10, 33), (40, 7)]) func `cross moments are the means of products`(sizes: (Int, Int))
        throws
    {
        let (m, n) = sizes, outputs = rows(200, m), inputs = rows(200, n, seed: 2)
        var moments = CrossMoments(outputs: m, inputs: n), pieces = moments, rest = moments
        try moments.add(outputs: outputs.span, inputs: inputs.span)
        try pieces.add(outputs: outputs.span.extracting(0..<90 * m), inputs: inputs.span.extracting(0..<90 * n))
        try rest.add(
            outputs: outputs.span.extracting(90 * m..<200 * m), inputs: inputs.span.extracting(90 * n..<200 * n))
        pieces.merge(rest)
        #expect(moments.count == 200 && pieces.count == 200)
        let raw = moments.matrix(isCentered: false), merged = pieces.matrix(isCentered: false)
        let centered = moments.matrix(isCentered: true)
        for i in 0..<m {
            for j in 0..<n {
                let expected = mean(outputs, m, i, inputs, n, j), ones = [Float](repeating: 1, count: 200)
                let means = mean(outputs, m, i, ones, 1, 0) * mean(inputs, n, j, ones, 1, 0)
                #expect(abs(raw[i * n + j] - expected) < 1e-4)
                #expect(abs(merged[i * n + j] - expected) < 1e-4)
                #expect(abs(centered[i * n + j] - (expected - means)) < 1e-4)
            }
        }
    }

    @Test func `numbers that are not finite and odd counts are refused, and nothing is added`() throws {
        var moments = SecondMoments(dimension: 3)
        for bad in [Float.nan, .infinity] {
            let error = #expect(throws: CompressionError.self) { try moments.add(rows: [1, 2, 3, 4, bad, 6].span) }
            #expect(error?.code == .invalidData)
        }
        let error = #expect(throws: CompressionError.self) { try moments.add(rows: [1, 2, 3, 4].span) }
        #expect(error?.code == .unsupportedShape)
        #expect(moments.count == 0)
        #expect(moments.means == [0, 0, 0])
        var cross = CrossMoments(outputs: 1, inputs: 2)
        let uneven = #expect(throws: CompressionError.self) {
            try cross.add(outputs: [1].span, inputs: [1, 2, 3, 4].span)
        }
        #expect(uneven?.code == .unsupportedShape)
        #expect(cross.count == 0)
    }
}
