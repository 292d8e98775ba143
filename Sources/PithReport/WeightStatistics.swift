import Foundation
import PithCompression
import PithModel
import PithTensor

/// Figures of one weight's values.
struct WeightStatistics: Encodable, Sendable {
    let minimum: Double?
    let maximum: Double?
    let mean: Double?
    /// Standard deviation.
    let spread: Double?
    /// Share of values that are zero.
    let zeros: Double?
    /// Values that are NaN or infinite.
    let nonFinite: Int
    /// Order-0 entropy of the bytes by their place in an element, added up: bits an ideal coder without context needs.
    let entropyBits: Double?

    /// Reads the values of `weight`; nil for strings and complex numbers.
    ///
    /// Of a sparse weight the stored values are read and the zeros counted: its dense form may be of any size.
    ///
    /// - Complexity: O(*n*) time and memory for *n* stored values.
    init?(_ weight: Weight) {
        if let sparse = weight.representation as? SparseValues {
            self.init(sparse.values, absent: sparse.shape.count - sparse.values.count)
        } else {
            self.init(weight.decoded(), absent: 0)
        }
    }

    /// Figures of the elements of `tensor` and of `absent` zeros besides.
    private init?(_ tensor: Tensor, absent: Int) {
        guard let values = tensor.floats() else { return nil }
        var low = Double.infinity, high = -Double.infinity, sum = 0.0, squares = 0.0, zeroCount = absent, bad = 0
        for value in values {
            guard value.isFinite else {
                bad += 1
                continue
            }
            let number = Double(value)
            low = min(low, number)
            high = max(high, number)
            sum += number
            squares += number * number
            zeroCount += value == 0 ? 1 : 0
        }
        if absent > 0 { (low, high) = (min(low, 0), max(high, 0)) }
        let all = Double(values.count) + Double(absent), count = all - Double(bad)
        minimum = count > 0 ? low : nil
        maximum = count > 0 ? high : nil
        mean = count > 0 ? sum / count : nil
        spread = count > 0 ? max(squares / count - (sum / count) * (sum / count), 0).squareRoot() : nil
        zeros = all > 0 ? Double(zeroCount) / all : nil
        nonFinite = bad
        entropyBits = WeightStatistics.entropy(of: tensor, absent: absent)
    }

    private static func entropy(of tensor: Tensor, absent: Int) -> Double? {
        let width = tensor.type.bitWidth / 8, all = Double(tensor.count) + Double(absent)
        guard width > 0, all > 0 else { return nil }
        let bytes = tensor.storage.withBytes { $0.bytes }
        var total = 0.0
        for place in 0..<width {
            var counts = [Int](repeating: 0, count: 256)
            counts[0] = absent
            for index in stride(from: place, to: bytes.count, by: width) { counts[Int(bytes[index])] += 1 }
            for count in counts where count > 0 {
                let share = Double(count) / all
                total -= share * log2(share)
            }
        }
        return total
    }

    /// The figures as cells of a table.
    var cells: [String] {
        func cell(_ value: Double?) -> String { value.map { $0.formatted(digits: 4) } ?? "-" }
        return [minimum, maximum, mean, spread, zeros, entropyBits].map(cell)
    }
}
