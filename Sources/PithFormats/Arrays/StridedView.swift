internal import PithTensor

/// Elements of a run of memory seen with axes in another order: element `[i, j, ...]` lies at `i * s0 + j * s1 + ...`.
///
/// Axes that lie behind one another in memory are merged first, so that an image's rows and columns are one loop.
struct StridedView {
    /// Axis lengths after merging; never empty.
    let dimensions: [Int]
    /// Distance between neighbours along each axis, in elements.
    let strides: [Int]
    /// Number of elements.
    let count: Int

    /// A view whose product of dimensions is known to fit an `Int`.
    init(dimensions: [Int], strides: [Int]) {
        var merged: [(length: Int, stride: Int)] = []
        for (length, stride) in zip(dimensions, strides) where length != 1 {
            if let last = merged.last, last.stride == length * stride {
                merged[merged.count - 1] = (last.length * length, stride)
            } else {
                merged.append((length, stride))
            }
        }
        if merged.isEmpty { merged = [(1, 1)] }
        self.dimensions = merged.map(\.length)
        self.strides = merged.map(\.stride)
        count = dimensions.reduce(1, *)
    }

    /// Whether the elements lie one behind the other already.
    var isContiguous: Bool { dimensions.count == 1 && (strides[0] == 1 || count <= 1) }

    /// Copies the elements of the view, in its order, out of `bytes` with elements of `width` bytes, of which
    /// element `start` is the view's first.
    ///
    /// - Complexity: O(`count`) time.
    func gathered(from bytes: Storage, width: Int, start: Int = 0) -> Storage {
        switch width {
        case 1: bytes.withElements(as: UInt8.self) { Storage(gather($0, start)) }
        case 2: bytes.withElements(as: UInt16.self) { Storage(gather($0, start)) }
        case 4: bytes.withElements(as: UInt32.self) { Storage(gather($0, start)) }
        case 8: bytes.withElements(as: UInt64.self) { Storage(gather($0, start)) }
        default: bytes.withElements(as: SIMD2<UInt64>.self) { Storage(gather($0, start)) }
        }
    }

    private func gather<Word: BitwiseCopyable>(_ source: Span<Word>, _ start: Int) -> [Word] {
        guard count > 0 else { return [] }
        var target = [Word](repeating: source[start], count: count)
        var span = target.mutableSpan
        let inner = dimensions.count - 1
        let length = dimensions[inner], stride = strides[inner]
        var index = [Int](repeating: 0, count: inner)
        var origin = start, written = 0
        while written < count {
            for step in 0..<length { span[written + step] = source[origin + step * stride] }
            written += length
            // Like an odometer: the last outer axis moves, and those before it when it has gone round.
            for axis in (0..<inner).reversed() {
                index[axis] += 1
                origin += strides[axis]
                if index[axis] < dimensions[axis] { break }
                origin -= strides[axis] * dimensions[axis]
                index[axis] = 0
            }
        }
        return target
    }
}
