import Foundation
import PithCompression
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

    /// Reads all values of `tensor`; nil for strings and complex numbers.
    init?(_ tensor: Tensor) {
        guard let values = tensor.floats() else { return nil }
        var low = Double.infinity, high = -Double.infinity, sum = 0.0, squares = 0.0, zeroCount = 0, bad = 0
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
        let count = Double(values.count - bad)
        minimum = count > 0 ? low : nil
        maximum = count > 0 ? high : nil
        mean = count > 0 ? sum / count : nil
        spread = count > 0 ? max(squares / count - (sum / count) * (sum / count), 0).squareRoot() : nil
        zeros = values.isEmpty ? nil : Double(zeroCount) / Double(values.count)
        nonFinite = bad
        entropyBits = WeightStatistics.entropy(of: tensor)
    }

    private static func entropy(of tensor: Tensor) -> Double? {
        let width = tensor.type.bitWidth / 8
        guard width > 0, tensor.count > 0 else { return nil }
        let bytes = tensor.storage.withBytes { $0.bytes }
        var total = 0.0
        for place in 0..<width {
            var counts = [Int](repeating: 0, count: 256)
            for index in stride(from: place, to: bytes.count, by: width) { counts[Int(bytes[index])] += 1 }
            for count in counts where count > 0 {
                let share = Double(count) / Double(tensor.count)
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
