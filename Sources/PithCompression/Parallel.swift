/// Work on independent parts, on a bounded number of threads.
enum Parallel {
    /// `transform` of each item, in the items' order whatever the order of completion.
    ///
    /// - Throws: The first error by the order of completion; the other parts are cancelled.
    static func map<Item: Sendable, Result: Sendable>(
        _ items: [Item], threads: Int, _ transform: @escaping @Sendable (Item) throws -> Result
    ) async throws -> [Result] {
        guard threads > 1, items.count > 1 else { return try items.map(transform) }
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results = [Result?](repeating: nil, count: items.count), next = 0
            func start() {
                guard next < items.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try transform(items[index])) }
            }
            for _ in 0..<min(threads, items.count) { start() }
            while let (index, result) = try await group.next() {
                results[index] = result
                start()
            }
            return results.compactMap { $0 }
        }
    }
}
