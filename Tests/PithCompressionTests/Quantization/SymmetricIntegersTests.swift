import PithCompression
import PithModel
import PithTensor
import Testing

struct SymmetricIntegersTests {
    @Test(arguments: 2...8, [nil, 0, 1, 2] as [Int?])
    func `the error stays within half a step of its channel`(bits: Int, axis: Int?) throws {
        let tensor = try SmallModels.tensor([4, 5, 6], seed: UInt64(bits))
        let form = try SymmetricIntegers.encode(tensor, named: "w", axis: axis, bits: bits)
        let (outer, channels, inner) = axis.map { tensor.shape.strides(around: $0) } ?? (1, 1, tensor.count)
        let before = tensor.elements(as: Float.self), after = form.decoded().elements(as: Float.self)
        let scales = form.scales.elements(as: Float.self), levels = try #require(form.levels.integers())
        #expect(scales.count == channels)
        let largest = (1 << (bits - 1)) - 1
        for index in before.indices {
            let channel = index / inner % channels
            #expect(abs(before[index] - after[index]) <= scales[channel] / 2 * 1.000_001)
            #expect(abs(levels[index]) <= largest)
        }
        for channel in 0..<channels {
            let members = before.indices.filter { $0 / inner % channels == channel }
            let maximum = members.map { abs(before[$0]) }.max() ?? 0
            #expect(scales[channel] == maximum / Float(largest))
            #expect(members.map { abs(levels[$0]) }.max() == largest)
        }
        #expect(outer * channels * inner == 120)
        #expect(form.shape == tensor.shape)
    }

    @Test func `levels are rounded to even at ties`() throws {
        let form = try SymmetricIntegers.encode(
            Tensor(vector: [127, 0.5, 1.5, 2.5, -0.5, -1.5] as [Float]), named: "w", axis: nil)
        #expect(form.levels.integers() == [127, 0, 2, 2, 0, -2])
        #expect(form.scales.elements(as: Float.self) == [1])
    }

    @Test func `a channel of zeros, or of denormals, keeps a harmless scale`() throws {
        let tensor = Tensor(
            [0, 0, 1, -2, Float(bitPattern: 71_362), -Float(bitPattern: 7136)] as [Float], shape: try Shape([3, 2]))
        let form = try SymmetricIntegers.encode(tensor, named: "w", axis: 0)
        #expect(form.scales.elements(as: Float.self) == [1, 2.0 / 127, 1])
        #expect(form.levels.integers() == [0, 0, 64, -127, 0, 0])
    }

    @Test func `scales stay at or above their floors`() throws {
        let tensor = Tensor([1, 2, 3, 4] as [Float], shape: try Shape([2, 2]))
        let form = try SymmetricIntegers.encode(tensor, named: "w", axis: 0, smallestScales: [0.5])
        #expect(form.scales.elements(as: Float.self) == [0.5, 4.0 / 127])
        #expect(form.levels.integers() == [2, 4, 95, 127])
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func `a value that is not finite is refused by name`(
        value: Float
    ) {
        let error = #expect(throws: CompressionError.self) {
            try SymmetricIntegers.encode(Tensor(vector: [1, value, value]), named: "conv.weight", axis: nil)
        }
        #expect(error?.code == .nonFiniteWeight)
        #expect(error?.subject == "conv.weight")
        #expect(error?.problem.contains("2 of its values") == true)
        #expect(error?.remedy.contains("where") == true)
    }

    @Test(arguments: [[0, 4], [4, 0], [0]]) func `a weight without elements becomes one without levels`(lengths: [Int])
        throws
    {
        let tensor = Tensor([Float](), shape: try Shape(lengths))
        let form = try SymmetricIntegers.encode(tensor, named: "w", axis: 0)
        #expect(form.shape == tensor.shape)
        #expect(form.decoded().count == 0)
    }

    @Test func `the ratio of signal to noise is that of the numbers`() throws {
        let original = Tensor(vector: [127, 0.5] as [Float])
        let form = try SymmetricIntegers.encode(original, named: "w", axis: nil)
        let ratio = try #require(form.sqnrDB(against: original))
        #expect(abs(ratio - 48.096) < 0.001)
        let exact = Tensor(vector: [127, 5] as [Float])
        #expect(try SymmetricIntegers.encode(exact, named: "w", axis: nil).sqnrDB(against: exact) == nil)
    }
}
