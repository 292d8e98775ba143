/// Hadamard matrices of small orders: entries 1 and -1, rows orthogonal to each other.
///
/// With `q` an odd prime and `χ` its quadratic character, `Q[i, j] = χ(i - j)`:
///
/// | orders | matrix |
/// | --- | --- |
/// | 1, 2 | `[1]`, `[1 1; 1 -1]` |
/// | `q + 1` for `q` of the form 4k + 3: 4, 8, 12, 20, 24, 32, 44 ... | `I + [0 1; -1 Q]` |
/// | `2 (q + 1)` for `q` of the form 4k + 1: 12, 28, 36, 60, 76 ... | `C ⊗ [1 1; 1 -1] + I ⊗ [1 -1; -1 -1]` with `C = [0 1; 1 Q]` |
///
/// - Complexity: O(order²).
/// - Reference: Paley, "On orthogonal matrices", Journal of Mathematics and Physics 12, 1933.
/// - Deviation: prime `q` only, no powers of primes.
package struct HadamardMatrix: Hashable, Sendable {
    /// Rows, and columns.
    package let order: Int
    /// `order * order` numbers, 1 or -1, row after row.
    package let elements: [Double]

    /// The matrix of an order that one of the constructions gives; nil for others.
    package init?(order: Int) {
        switch order {
        case 1: self.init(1) { _, _ in 1 }
        case 2: self.init(2) { row, column in row * column == 1 ? -1 : 1 }
        case 4... where order.isMultiple(of: 4):
            if HadamardMatrix.isPrime(order - 1) {
                self.init(skew: order - 1)
            } else if (order / 2 - 1) % 4 == 1, HadamardMatrix.isPrime(order / 2 - 1) {
                self.init(symmetric: order / 2 - 1)
            } else {
                return nil
            }
        default: return nil
        }
    }

    private init(_ order: Int, _ element: (Int, Int) -> Int) {
        self.order = order
        elements = (0..<order * order).map { Double(element($0 / order, $0 % order)) }
    }

    private init(skew prime: Int) {
        let characters = HadamardMatrix.characters(prime)
        self.init(prime + 1) { row, column in
            if row == column { return 1 }
            if row == 0 { return 1 }
            return column == 0 ? -1 : characters[(row - column + prime) % prime]
        }
    }

    private init(symmetric prime: Int) {
        let characters = HadamardMatrix.characters(prime)
        func conference(_ row: Int, _ column: Int) -> Int {
            if row == column { return 0 }
            return row == 0 || column == 0 ? 1 : characters[(row - column + prime) % prime]
        }
        self.init(2 * (prime + 1)) { row, column in
            let isLower = row % 2 == 1 && column % 2 == 1
            guard row / 2 == column / 2 else { return conference(row / 2, column / 2) * (isLower ? -1 : 1) }
            return row % 2 == 0 && column % 2 == 0 ? 1 : -1
        }
    }

    /// The quadratic character of each residue: 0 for 0, 1 for squares, -1 for others.
    private static func characters(_ prime: Int) -> [Int] {
        var result = [Int](repeating: -1, count: prime)
        for root in 1..<prime { result[root * root % prime] = 1 }
        result[0] = 0
        return result
    }

    private static func isPrime(_ number: Int) -> Bool {
        guard number > 2, !number.isMultiple(of: 2) else { return number == 2 }
        var divisor = 3
        while divisor * divisor <= number {
            if number.isMultiple(of: divisor) { return false }
            divisor += 2
        }
        return true
    }
}
