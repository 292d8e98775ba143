import PithModel
import PithTensor

extension GroupedIntegers {
    /// Whether all levels lie within those of `bits` bits with a sign.
    ///
    /// - Complexity: O(*n*).
    func hasLevels(of bits: Int) -> Bool {
        guard levelBits > bits else { return true }
        let reach = 1 << (bits - 1)
        return levels.integers()?.allSatisfy { (-reach..<reach).contains($0) } ?? false
    }

    /// The same numbers by levels without a sign; other levels than signed bytes stay as they are.
    ///
    /// Levels and zero points are 128 higher; zero points that are not stored become 128.
    ///
    /// - Complexity: O(*n*).
    var withoutSign: GroupedIntegers {
        guard levels.type == .int8 else { return self }
        func moved(_ levels: Tensor) -> Tensor {
            Tensor(levels.elements(as: Int8.self).map { UInt8(bitPattern: $0 ^ .min) }, shape: levels.shape)
        }
        let zeros = zeroPoints.map(moved) ?? Tensor([UInt8](repeating: 128, count: scales.count), shape: scales.shape)
        return GroupedIntegers(levels: moved(levels), scales: scales, zeroPoints: zeros, grouping: grouping)
    }
}

extension Technique {
    /// Refuses bits that levels of an integer kernel can not have.
    static func validate(weightBits: Int) throws(CompressionError) {
        guard (2...8).contains(weightBits) else {
            throw invalid("weightBits", "\(weightBits) lies outside 2...8.", remedy: "Use 8, or 7 without VNNI.")
        }
    }
}
