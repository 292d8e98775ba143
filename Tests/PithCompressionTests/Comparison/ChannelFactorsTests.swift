import PithCompression
import PithTensor
import Testing

struct ChannelFactorsTests {
    private func tensor(_ lengths: [Int], _ number: (Int) -> Float) throws -> Tensor {
        let shape = try Shape(lengths)
        return Tensor((0..<shape.count).map(number), shape: shape)
    }

    /// Numbers without a pattern between -1 and 1.
    private func number(_ place: Int) -> Float { Float((place * 37) % 101) / 50 - 1 }

    private func found(_ factor: (Int) -> Float, _ lengths: [Int] = [4, 3, 5]) throws -> (axis: Int, factors: [Float])?
    {
        var factors = ChannelFactors()
        factors.add(try tensor(lengths, number), try tensor(lengths) { number($0) * factor($0) })
        return factors.found
    }

    @Test func `factors are found along the axis that has them`() throws {
        let second = try #require(found { [8, 0.25, 1][$0 / 5 % 3] })
        #expect(second.axis == 1 && zip(second.factors, [8, 0.25, 1]).allSatisfy { abs($0 - $1) < 1e-5 })
        let last = try #require(found { Float($0 % 5 + 1) })
        #expect(last.axis == 2 && zip(last.factors, [1, 2, 3, 4, 5]).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func `what is not of another scale counts as error`() throws {
        #expect(try found { _ in 1 } == nil)
        // 10 % off, the other way round, noise as large as the signal.
        #expect(try found { _ in 1.1 } == nil)
        #expect(try found { [-8, 1, 1][$0 / 5 % 3] } == nil)
        #expect(try found { Float($0 * 53 % 7) } == nil)
        // Without channels.
        #expect(try found({ _ in 8 }, [60]) == nil)
    }

    @Test func `an axis whose length changes has no channels`() throws {
        var factors = ChannelFactors()
        for length in [3, 1, 3] {
            let value = try tensor([2, length, 4], number)
            factors.add(value, value.scaled(2, by: [1, 2, 4, 8]))
        }
        #expect(try #require(factors.found).axis == 2)
        let value = try tensor([2, 3, 5], number)
        factors.add(value, value)
        #expect(factors.found == nil)
    }

    @Test func `a value of another length stays as it is`() throws {
        let value = try tensor([2, 3], number)
        #expect(value.scaled(1, by: [1, 2]) == value && value.scaled(2, by: [1]) == value)
        #expect(value.scaled(0, by: [1, -1]) == (try tensor([2, 3]) { number($0) * ($0 < 3 ? 1 : -1) }))
    }
}
