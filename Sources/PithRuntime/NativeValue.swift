internal import CONNXRuntime
internal import PithTensor

/// A tensor on its way into or out of the runtime.
struct NativeValue: Sendable {
    let handle: Handle
    /// The memory that a tensor of numbers was given as, kept alive with it.
    private let storage: Storage?

    /// Gives `tensor` to the runtime, without copying numbers unless their memory is not aligned for them.
    init(_ tensor: Tensor, library: Handle) throws(NativeFailure) {
        let lengths = tensor.shape.dimensions.map { Int64($0) }
        guard tensor.type != .string else {
            storage = nil
            handle = try NativeValue.ofStrings(tensor, lengths: lengths, library: library)
            return
        }
        let storage = NativeValue.aligned(tensor)
        self.storage = storage
        let pointer = try unsafe library.withPointer { ort throws(NativeFailure) in
            // The address outlives the closure because the storage never moves its bytes and is kept beside the handle.
            try unsafe storage.withUnsafeBytes { bytes throws(NativeFailure) in
                try unsafe NativeFailure.checked { error in
                    unsafe pith_ort_value_over(
                        ort, bytes.baseAddress, bytes.count, lengths, lengths.count, tensor.type.nativeNumber, error)
                }
            }
        }
        handle = unsafe NativeValue.owner(of: pointer, library: library)
    }

    /// Takes over a value the runtime made.
    init(taking pointer: OpaquePointer, library: Handle) {
        storage = nil
        handle = unsafe NativeValue.owner(of: pointer, library: library)
    }

    private static func owner(of pointer: OpaquePointer, library: Handle) -> Handle {
        unsafe Handle(pointer, from: library) { unsafe pith_ort_value_release($0) }
    }

    private static func aligned(_ tensor: Tensor) -> Storage {
        let fits = unsafe tensor.storage.withUnsafeBytes { bytes in
            Int(bitPattern: bytes.baseAddress) % tensor.type.nativeAlignment == 0
        }
        return fits ? tensor.storage : tensor.storage.withBytes { Storage(copying: $0) }
    }

    private static func ofStrings(
        _ tensor: Tensor, lengths: [Int64], library: Handle
    ) throws(NativeFailure) -> Handle {
        let bytes = tensor.strings.flatMap { $0 }
        let offsets = tensor.strings.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let pointer = try unsafe library.withPointer { ort throws(NativeFailure) in
            try unsafe NativeFailure.checked { error in
                unsafe pith_ort_value_of_strings(
                    ort, bytes, offsets, tensor.strings.count, lengths, lengths.count, error)
            }
        }
        return unsafe owner(of: pointer, library: library)
    }

    /// The value as a tensor whose numbers lie in the runtime's memory, kept alive by them.
    ///
    /// Numbers that lie in the memory of one of `inputs` (a model may pass an input through) are copied: that memory is not
    /// the runtime's.
    func tensor(given inputs: [NativeValue]) throws -> Tensor {
        let type = try type()
        guard type.kind == .tensor else { throw NativeFailure("it is \(type.kind.words), not a tensor.") }
        guard let element = type.element else { throw NativeFailure("its element type is not known to Pith.") }
        let shape = try Shape(type.lengths)
        guard element != .string else { return try Tensor(strings: strings(count: shape.count), shape: shape) }
        guard let byteCount = element.byteCount(of: shape.count) else {
            throw NativeFailure("\(shape.count) elements are too many.")
        }
        let storage = try storage(byteCount: byteCount)
        let isInput = inputs.contains { $0.overlaps(storage) }
        return try Tensor(
            type: element, shape: shape, storage: isInput ? storage.withBytes { Storage(copying: $0) } : storage)
    }

    /// The type the runtime says this value has.
    private func type() throws(NativeFailure) -> NativeType {
        try unsafe handle.withPointer { value throws(NativeFailure) in
            var type = unsafe pith_ort_type()
            defer { unsafe pith_ort_type_clear(&type) }
            try unsafe NativeFailure.check { error in unsafe pith_ort_value_type(value, &type, error) }
            return unsafe NativeType(type)
        }
    }

    /// The first `byteCount` bytes of a tensor of numbers as storage that keeps this value alive.
    private func storage(byteCount: Int) throws(NativeFailure) -> Storage {
        guard byteCount > 0 else { return Storage([UInt8]()) }
        let address = try unsafe handle.withPointer { value throws(NativeFailure) in
            try unsafe NativeFailure.checked { error in unsafe pith_ort_value_data(value, error) }
        }
        return unsafe Storage(
            unsafeBytes: UnsafeRawBufferPointer(start: address, count: byteCount), keptBy: handle)
    }

    /// The strings of a tensor of `count` strings, copied.
    private func strings(count: Int) throws(NativeFailure) -> [[UInt8]] {
        var offsets = [Int](repeating: 0, count: count + 1)
        return try unsafe handle.withPointer { value throws(NativeFailure) in
            let bytes = try unsafe NativeFailure.checked { error in
                unsafe pith_ort_value_strings(value, &offsets, count, error)
            }
            defer { unsafe pith_ort_free(bytes) }
            return (0..<count).map { index in
                let length = offsets[index + 1] - offsets[index]
                return unsafe Array(UnsafeBufferPointer(start: bytes + offsets[index], count: length))
            }
        }
    }

    /// Whether `other` lies in the memory this value was given as.
    private func overlaps(_ other: Storage) -> Bool {
        guard let storage, storage.byteCount > 0, other.byteCount > 0 else { return false }
        return unsafe storage.withUnsafeBytes { own in
            unsafe other.withUnsafeBytes { theirs in
                guard let start = own.baseAddress, let place = theirs.baseAddress else { return false }
                return unsafe place >= start && place < start + own.count
            }
        }
    }
}
