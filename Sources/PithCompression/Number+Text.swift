import Foundation

extension Double {
    /// The number with a fixed count of digits after the point, such as `28.40`.
    package func formatted(digits: Int) -> String {
        guard isFinite else { return isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
        let scale = pow(10, Double(digits)), scaled = (abs(self) * scale).rounded()
        guard scaled < 1e15 else { return "\(self)" }
        let whole = Int(scaled), sign = self < 0 && whole > 0 ? "-" : ""
        let text = String(whole), padded = String(repeating: "0", count: max(digits + 1 - text.count, 0)) + text
        return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }
}
