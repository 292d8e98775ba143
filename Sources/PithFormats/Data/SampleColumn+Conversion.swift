internal import PithTensor

extension SampleColumn {
    /// The samples `rows`, stacked along axis 0.
    ///
    /// - Throws: `FormatError` `.invalidCard` when a number does not fit the type.
    /// - Complexity: O(*n*) for the numbers of these rows, in time and memory.
    func tensor(rows: [Int]) throws(FormatError) -> Tensor {
        let shape: Shape
        do { shape = try Shape([rows.count] + sampleShape) } catch {
            throw FormatError(code: .invalidCard, subject: subject, problem: error.problem, remedy: error.remedy)
        }
        if type == array.type, normalization == nil { return try copied(rows, shape) }
        return try numbers(rows).tensor(of: type, shape: shape, subject: subject)
    }

    /// Samples whose type is that of the file.
    private func copied(_ rows: [Int], _ shape: Shape) throws(FormatError) -> Tensor {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * sampleSize * array.type.bitWidth / 8)
        for row in rows { bytes += elements(of: row).withBytes { $0.bytes } }
        do { return try Tensor(type: type, shape: shape, storage: Storage(bytes)) } catch {
            throw FormatError(code: .corrupt, subject: subject, problem: error.problem, remedy: error.remedy)
        }
    }

    private func numbers(_ rows: [Int]) throws(FormatError) -> SampleNumbers {
        switch array.type {
        case .uint8: try numbers(rows, as: UInt8.self)
        case .int8: try numbers(rows, as: Int8.self)
        case .uint16: try numbers(rows, as: UInt16.self)
        case .int16: try numbers(rows, as: Int16.self)
        case .uint32: try numbers(rows, as: UInt32.self)
        case .int32: try numbers(rows, as: Int32.self)
        case .uint64: try numbers(rows, as: UInt64.self)
        case .int64: try numbers(rows, as: Int64.self)
        case .float16: try numbers(rows, as: HalfNumber.self)
        case .float64: try numbers(rows, as: Double.self)
        case .bool: try numbers(rows, as: BooleanNumber.self)
        default: try numbers(rows, as: Float.self)
        }
    }

    private func numbers<Number: SampleNumber>(
        _ rows: [Int], as number: Number.Type
    ) throws(FormatError) -> SampleNumbers {
        if let normalization { return .floats(normalized(rows, as: number, normalization)) }
        if type.isInteger { return .integers(try integers(rows, as: number)) }
        let needsDouble = type == .float64 || array.type.bitWidth >= 32 && array.type != .float32 && type != .float32
        return needsDouble ? .doubles(doubles(rows, as: number)) : .floats(floats(rows, as: number))
    }

    private func normalized<Number: SampleNumber>(
        _ rows: [Int], as number: Number.Type, _ normalization: Normalization
    ) -> [Float] {
        converted(rows, as: number, from: 0) { source, target, start in
            normalization.apply(to: source, into: &target, at: start)
        }
    }

    private func floats<Number: SampleNumber>(_ rows: [Int], as number: Number.Type) -> [Float] {
        converted(rows, as: number, from: 0) { source, target, start in
            for index in source.indices { target[start + index] = source[index].float }
        }
    }

    private func doubles<Number: SampleNumber>(_ rows: [Int], as number: Number.Type) -> [Double] {
        converted(rows, as: number, from: 0) { source, target, start in
            for index in source.indices { target[start + index] = source[index].double }
        }
    }

    /// Fills an array with samples one after the other; `convert` gets the elements of one and where they go.
    @inline(__always)
    private func converted<Number: SampleNumber, Result: BitwiseCopyable>(
        _ rows: [Int], as number: Number.Type, from zero: Result,
        _ convert: (Span<Number>, inout MutableSpan<Result>, Int) -> Void
    ) -> [Result] {
        let size = sampleSize
        var result = [Result](repeating: zero, count: rows.count * size)
        for (index, row) in rows.enumerated() {
            elements(of: row).withElements(as: number) { source in
                var target = result.mutableSpan
                convert(source, &target, index * size)
            }
        }
        return result
    }

    private func integers<Number: SampleNumber>(
        _ rows: [Int], as number: Number.Type
    ) throws(FormatError) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(rows.count * sampleSize)
        for row in rows {
            try elements(of: row).withElements(as: number) { (span) throws(FormatError) in
                for index in span.indices {
                    guard let integer = span[index].integer else {
                        throw SampleNumbers.tooLarge("\(span[index].double)", type, "\(subject), row \(row)")
                    }
                    result.append(integer)
                }
            }
        }
        return result
    }
}
