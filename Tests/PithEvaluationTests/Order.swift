import Synchronization

/// A list that several closures may extend.
final class Order: Sendable {
    private let list = Mutex<[Int]>([])

    func append(_ value: Int) { list.withLock { $0.append(value) } }

    var values: [Int] { list.withLock { $0 } }
}
