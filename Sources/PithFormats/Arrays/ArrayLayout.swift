internal import PithTensor

/// The way from the order of axes and bytes that a file has to row-major little-endian numbers.
enum ArrayLayout {
    /// Reverses the bytes of each number of `width` bytes.
    ///
    /// - Complexity: O(*n*) time, one copy.
    static func byteSwapped(_ bytes: Storage, width: Int) -> Storage {
        switch width {
        case 2: swapped(bytes, as: UInt16.self)
        case 4: swapped(bytes, as: UInt32.self)
        case 8: swapped(bytes, as: UInt64.self)
        default: bytes
        }
    }

    private static func swapped<Word: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: Storage, as word: Word.Type
    ) -> Storage {
        bytes.withElements(as: word) { source in
            var target = [Word](repeating: 0, count: source.count)
            for index in source.indices { target[index] = source[index].byteSwapped }
            return Storage(target)
        }
    }

    /// Brings elements that lie with their *first* axis innermost (Fortran order) into row-major order.
    ///
    /// `bytes` hold `shape.count` elements of `width` bytes: 1, 2, 4, 8 or 16.
    ///
    /// - Complexity: O(*n*) time, one copy.
    static func rowMajor(_ bytes: Storage, shape: Shape, width: Int) -> Storage {
        // Without elements the other lengths are unchecked: their product may not fit an `Int`.
        guard shape.count > 0 else { return bytes }
        var strides = [Int](repeating: 1, count: shape.rank)
        for axis in shape.dimensions.indices.dropFirst() {
            strides[axis] = strides[axis - 1] * shape.dimensions[axis - 1]
        }
        return StridedView(dimensions: shape.dimensions, strides: strides).gathered(from: bytes, width: width)
    }
}
