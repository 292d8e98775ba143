internal import Synchronization

/// A number that several tasks count up.
final class SharedCounter: Sendable {
    private let value = Atomic(0)

    /// Adds `amount` and answers the sum.
    @discardableResult
    func add(_ amount: Int) -> Int { value.wrappingAdd(amount, ordering: .relaxed).newValue }

    /// The numbers from 0 on, each given out once.
    func next() -> Int { add(1) - 1 }
}
