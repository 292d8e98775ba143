import PithTensor
import Testing

import PithCompression

struct BitAllocationTests {
    private typealias Point = BitAllocation.Point

    /// Weights whose noise falls by about 6 dB a bit, each from a level of its own.
    private func weights(_ count: Int, seed: UInt64) -> [String: [BitAllocation.Point]] {
        var generator = SplitMix64(seed: seed), all: [String: [BitAllocation.Point]] = [:]
        for index in 0..<count {
            let size = Int.random(in: 100...4000, using: &generator)
            let noise = Double.random(in: 1e-4...1, using: &generator)
            all["w\(index)"] = [2, 3, 4, 6].map { bits in
                let factor = Double.random(in: 0.7...1.3, using: &generator)
                return Point(bits: bits, byteCount: size * bits / 8, noise: noise * factor / Double(1 << (2 * bits)))
            }
        }
        return all
    }

    /// All allocations, with what they cost.
    private func every(_ points: [String: [BitAllocation.Point]]) -> [(noise: Double, byteCount: Int)] {
        points.values.reduce([(0, 0)]) { sums, choices in
            sums.flatMap { sum in choices.map { (sum.0 + $0.noise, sum.1 + $0.byteCount) } }
        }
    }

    @Test(arguments: 0..<20) func `no allocation of as few bytes errs less than those on the hull`(seed: Int) throws {
        let points = weights(5, seed: UInt64(seed)), allocation = BitAllocation(points), all = every(points)
        for budget in [1.0, 1e-1, 1e-2, 1e-3, 1e-4] {
            let cost = allocation.cost(of: allocation.widths(within: .noise(budget)))
            let reachable = try #require(all.map(\.noise).min())
            #expect(cost.noise <= max(budget, reachable * 1.0001))
            let better = all.filter { $0.noise < cost.noise && $0.byteCount < cost.byteCount }
            #expect(better.isEmpty)
        }
    }

    @Test func `a budget of bytes is kept, and used`() {
        let points = weights(40, seed: 7), allocation = BitAllocation(points)
        let least = points.values.reduce(0) { $0 + ($1.map(\.byteCount).min() ?? 0) }
        for extra in [0, 500, 5000] {
            let cost = allocation.cost(of: allocation.widths(within: .bytes(least + extra)))
            #expect(cost.byteCount <= least + extra)
            if extra > 4000 { #expect(cost.byteCount > least + extra - 1500) }
        }
    }

    @Test func `widths off the hull are never taken`() {
        let points = [
            Point(bits: 2, byteCount: 10, noise: 1), Point(bits: 3, byteCount: 20, noise: 0.9),
            Point(bits: 4, byteCount: 30, noise: 0.1), Point(bits: 8, byteCount: 40, noise: 0.1),
        ]
        let allocation = BitAllocation(["w": points])
        #expect([2, 0.95, 0.5, 0].map { allocation.widths(within: .noise($0))["w"] } == [2, 4, 4, 4])
    }

    @Test func `a width that ruins the outputs is taken only where all do`() {
        func points(_ noises: [Double]) -> [Point] {
            zip([2, 4, 8], noises).map { Point(bits: $0, byteCount: 100 * $0, noise: $1) }
        }
        let allocation = BitAllocation([
            "a": points([.infinity, 0.5, 0.1]), "b": points([.infinity, .infinity, .infinity]), "c": points([3, 2, 1]),
        ])
        #expect(allocation.widths(within: .noise(1000)) == ["a": 4, "b": 8, "c": 2])
    }
}
