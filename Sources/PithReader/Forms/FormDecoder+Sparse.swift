extension FormDecoder {
    /// The number of elements of a sparse form whose type and values may stand there.
    mutating func sparse(_ form: StoredForm) throws(ReaderError) -> Int {
        guard form.type.isReal else { throw complex("Read its parts as arrays.") }
        try require(form.type.bitCount >= 8, "A sparse weight cannot be of type \(form.type), below eight bits.")
        let shape = try layout("values", of: form).dimensions
        try require(shape.count == 1, "The values have the shape \(shape), not one axis.")
        return try count(form)
    }

    /// The numbers of a sparse weight: `values` at the places of its indices, zeros elsewhere.
    mutating func scattered<Value: Numeric>(
        _ values: [Value], _ form: StoredForm, _ count: Int
    ) throws(ReaderError) -> [Value] {
        let shape = try layout("indices", of: form).dimensions, rank = form.dimensions.count
        let isCoordinates = shape.count == 2 && shape[1] == rank
        try require(
            (shape.count == 1 || isCoordinates) && shape[0] == values.count,
            "Indices of the shape \(shape) do not place \(values.count) values in \(form.dimensions).")
        // Beside an axis of 0 the others may be too long to compute places with.
        try require(count > 0 || values.isEmpty, "\(values.count) values are placed in \(form.dimensions).")
        let indices = try integers("indices", of: form, [.int64], count: nil)
        var output = [Value](repeating: 0, count: count), isTaken = [UInt64](repeating: 0, count: (count + 63) / 64)
        for (number, value) in values.enumerated() {
            let place =
                isCoordinates
                ? try self.place(of: indices[number * rank..<(number + 1) * rank], in: form.dimensions)
                : indices[number]
            try require(place >= 0 && place < Int64(count), "Value \(number) is placed at \(place) of \(count).")
            let word = Int(place) / 64, bit = UInt64(1) << UInt64(place % 64)
            try require(isTaken[word] & bit == 0, "Two values are placed at \(place).")
            isTaken[word] |= bit
            output[Int(place)] = value
        }
        return output
    }

    /// The place of a coordinate in row-major order; it is below the product of `dimensions`.
    private func place(of coordinate: ArraySlice<Int64>, in dimensions: [Int]) throws(ReaderError) -> Int64 {
        var place: Int64 = 0
        for (index, length) in zip(coordinate, dimensions) {
            try require(index >= 0 && index < Int64(length), "A value is placed outside \(dimensions).")
            place = place * Int64(length) + index
        }
        return place
    }
}
