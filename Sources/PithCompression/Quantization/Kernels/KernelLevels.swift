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
}

extension Technique {
    /// Refuses bits that levels of an integer kernel can not have.
    static func validate(weightBits: Int) throws(CompressionError) {
        guard (2...8).contains(weightBits) else {
            throw invalid("weightBits", "\(weightBits) lies outside 2...8.", remedy: "Use 8, or 7 without VNNI.")
        }
    }
}
