/// A whole number that is known exactly, or as a polynomial of lengths only the caller of a model knows.
///
/// A symbol stands for an axis length, so it is never negative. Two extents are equal when they are equal for every
/// value of their symbols; extents that differ as polynomials may still agree for some inputs.
package struct Extent: Hashable, Sendable, CustomStringConvertible {
    /// Coefficients by the symbols they multiply (sorted, repeated for powers); no symbols for the constant part.
    private var terms: [[String]: Int]

    /// Most terms an extent may have, so that hostile graphs can not make it grow without end.
    private static let termLimit = 16

    /// A known number.
    package init(_ value: Int) { terms = value == 0 ? [:] : [[]: value] }

    /// The length that `symbol` names.
    package init(symbol: String) { terms = [[symbol]: 1] }

    private init?(checked terms: [[String]: Int]) {
        guard terms.count <= Extent.termLimit, terms.keys.allSatisfy({ $0.count <= 8 }) else { return nil }
        self.terms = terms.filter { $0.value != 0 }
    }

    /// The number when it is known exactly.
    package var constant: Int? {
        if terms.isEmpty { return 0 }
        return terms.count == 1 ? terms[[]] : nil
    }

    /// Whether it is at least zero whatever the symbols are.
    package var isNonNegative: Bool { terms.values.allSatisfy { $0 >= 0 } }

    /// Whether it is at least `bound` whatever the symbols are.
    package func isAtLeast(_ bound: Int) -> Bool { adding(Extent(bound), times: -1)?.isNonNegative ?? false }

    /// `self + other * factor`, nil when it does not fit.
    package func adding(_ other: Extent, times factor: Int = 1) -> Extent? {
        var sum = terms
        for (symbols, coefficient) in other.terms {
            let (product, tooLarge) = coefficient.multipliedReportingOverflow(by: factor)
            let (total, overflow) = (sum[symbols] ?? 0).addingReportingOverflow(product)
            guard !tooLarge, !overflow else { return nil }
            sum[symbols] = total
        }
        return Extent(checked: sum)
    }

    /// The product, nil when it does not fit.
    package func multiplied(by other: Extent) -> Extent? {
        var product: [[String]: Int] = [:]
        for (left, a) in terms {
            for (right, b) in other.terms {
                let symbols = (left + right).sorted()
                let (value, tooLarge) = a.multipliedReportingOverflow(by: b)
                let (total, overflow) = (product[symbols] ?? 0).addingReportingOverflow(value)
                guard !tooLarge, !overflow else { return nil }
                product[symbols] = total
            }
        }
        return Extent(checked: product)
    }

    /// The quotient when `other` is a single term that divides every term; nil otherwise.
    package func divided(by other: Extent) -> Extent? {
        guard other.terms.count == 1, let (divisor, coefficient) = other.terms.first, coefficient > 0 else {
            return nil
        }
        var quotient: [[String]: Int] = [:]
        for (symbols, value) in terms {
            guard value % coefficient == 0, let rest = Extent.removing(divisor, from: symbols) else { return nil }
            quotient[rest] = value / coefficient
        }
        return Extent(checked: quotient)
    }

    /// The quotient rounded down; a new symbol when it can not be written otherwise, nil when it may be negative.
    package func floorDivided(by divisor: Int) -> Extent? {
        guard divisor > 0, isNonNegative else { return nil }
        if let constant { return Extent(constant / divisor) }
        if let exact = divided(by: Extent(divisor)) { return exact }
        let symbol = "floor(\(description) / \(divisor))"
        return symbol.utf8.count <= 120 ? Extent(symbol: symbol) : nil
    }

    /// The product of all, 1 for none; nil when it does not fit.
    package static func product(_ extents: some Sequence<Extent>) -> Extent? {
        var result = Extent(1)
        for extent in extents {
            guard let next = result.multiplied(by: extent) else { return nil }
            result = next
        }
        return result
    }

    private static func removing(_ divisor: [String], from symbols: [String]) -> [String]? {
        var rest = symbols
        for symbol in divisor {
            guard let index = rest.firstIndex(of: symbol) else { return nil }
            rest.remove(at: index)
        }
        return rest
    }

    /// The polynomial in a fixed order, such as `2*batch + 3`.
    package var description: String {
        if terms.isEmpty { return "0" }
        let ordered = terms.sorted {
            ($0.key.count, $0.key.joined(separator: "*")) > ($1.key.count, $1.key.joined(separator: "*"))
        }
        return ordered.map { symbols, value in
            if symbols.isEmpty { return "\(value)" }
            return value == 1 ? symbols.joined(separator: "*") : "\(value)*" + symbols.joined(separator: "*")
        }.joined(separator: " + ")
    }
}

extension Extent {
    /// The smaller of `bound`, at least 2, and this, which is never negative; nil when it can not be written.
    package func least(_ bound: Int) -> Extent? {
        guard bound >= 2, isNonNegative else { return nil }
        if let constant { return Extent(Swift.min(constant, bound)) }
        let symbol = "min(\(bound), \(description))"
        return symbol.utf8.count <= 120 ? Extent(symbol: symbol) : nil
    }

    /// Whether this is the smaller of some bound and `other`: where they are not equal, both are 2 or more, and nothing that
    /// has one length and the other in one place runs.
    package func isLeast(of other: Extent) -> Bool {
        guard terms.count == 1, let (symbols, factor) = terms.first, factor == 1, symbols.count == 1 else {
            return false
        }
        let digits = symbols[0].dropFirst(4).prefix { $0.isASCII && $0.isNumber }
        return !digits.isEmpty && symbols[0] == "min(\(digits), \(other.description))"
    }

    /// Whether the two are equal for every input (true), for none (false), or it can not be told (nil).
    package func equals(_ other: Extent) -> Bool? {
        guard let difference = adding(other, times: -1) else { return nil }
        if difference.constant == 0 { return true }
        if difference.isAtLeast(1) { return false }
        return other.adding(self, times: -1)?.isAtLeast(1) == true ? false : nil
    }

    /// Whether this is smaller for every input (true), for none (false), or it can not be told (nil).
    package func isLess(than other: Extent) -> Bool? {
        if other.adding(self, times: -1)?.isAtLeast(1) == true { return true }
        return adding(other, times: -1)?.isNonNegative == true ? false : nil
    }
}
