import Foundation
import PithCompression
import PithTensor
import Testing

/// Four layers of 512 by 512 with tanh between them, and weights of Student's t with 4 degrees of freedom.
private struct HeavyTailedNetwork {
    static let width = 512
    let layers: [[Float]]

    init(seed: UInt64) {
        var numbers = RandomNumbers(seed: seed)
        let scale = Float(2 * HeavyTailedNetwork.width).squareRoot()
        layers = (0..<4).map { _ in
            (0..<HeavyTailedNetwork.width * HeavyTailedNetwork.width).map { _ in numbers.heavyTailed() / scale }
        }
    }

    /// `rows` times the transposed weights.
    static func product(_ rows: [Float], _ weights: [Float]) -> [Float] {
        let width = width, lanes = LaneLayout.lanes
        var result = [Float](repeating: 0, count: rows.count), transposed = weights
        for row in 0..<width {
            for column in 0..<width { transposed[column * width + row] = weights[row * width + column] }
        }
        for first in stride(from: 0, to: rows.count / width, by: lanes) {
            var panel = [Float](repeating: 0, count: width * lanes), products = panel
            for index in panel.indices { panel[index] = rows[(first + index % lanes) * width + index / lanes] }
            Kernels.addLaneProducts(transposed.span, dimension: width, lanes: panel, columns: 0..<width, to: &products)
            for index in panel.indices { result[(first + index % lanes) * width + index / lanes] = products[index] }
        }
        return result
    }
}

@Suite struct HeavyTailedNetworkTests {
    private func round(
        _ weights: [Float], _ method: WeightRounder.Method, wanted: [Float], inputs: [Float]
    ) throws -> [Float] {
        let width = HeavyTailedNetwork.width
        var second = SecondMoments(dimension: width), cross = CrossMoments(outputs: width, inputs: width)
        try second.add(rows: inputs.span)
        try cross.add(outputs: wanted.span, inputs: inputs.span)
        let problem = try RoundingProblem(
            named: "w", weights: weights, rows: width, columns: width, inputs: second,
            outputs: method == .nearest ? nil : cross, hasBias: false)
        var rounder = WeightRounder()
        rounder.method = method
        rounder.format = LevelFormat(bits: 4, isSymmetric: false, scaleType: .float16)
        rounder.blockSize = 32
        let rounded = try rounder.round(problem)
        #expect(rounded.bitsPerWeight == 4.625)
        return rounded.values()
    }

    /// Output SQNR in dB on rows that were not calibrated on.
    private func sqnr(_ method: WeightRounder.Method, seed: UInt64) throws -> Double {
        let network = HeavyTailedNetwork(seed: seed)
        var numbers = RandomNumbers(seed: seed + 100)
        let rows = 1024 + 256, width = HeavyTailedNetwork.width, seen = 0..<1024 * width
        var float = numbers.normals(rows * width), rounded = float
        for (index, weights) in network.layers.enumerated() {
            let wanted = HeavyTailedNetwork.product(float, weights)
            let values = try round(weights, method, wanted: Array(wanted[seen]), inputs: Array(rounded[seen]))
            float = wanted
            rounded = HeavyTailedNetwork.product(rounded, values)
            guard index < 3 else { continue }
            float = float.map { tanh($0) }
            rounded = rounded.map { tanh($0) }
        }
        var signal = 0.0, noise = 0.0
        for index in seen.upperBound..<float.count {
            signal += Double(float[index]) * Double(float[index])
            noise += Double(float[index] - rounded[index]) * Double(float[index] - rounded[index])
        }
        return 10 * log10(signal / noise)
    }

    @Test func `int4 in blocks of 32 keeps 16 dB where nearest levels do not`() throws {
        let refined = try sqnr(.refined, seed: 1), nearest = try sqnr(.nearest, seed: 1)
        #expect(refined >= 16.5)
        #expect((13...15.5).contains(nearest))
    }
}
