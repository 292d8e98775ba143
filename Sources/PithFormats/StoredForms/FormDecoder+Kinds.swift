internal import PithModel
internal import PithTensor

/// Each kind of form as the representation that it stores.
extension FormDecoder {
    /// Integers in the part `role`, with scales and zero points.
    func grouped(_ form: StoredForm, _ role: String, _ naming: Naming) throws(FormatError) -> GroupedIntegers {
        let grouping = try grouping(of: form, naming)
        let dimensions = GroupedIntegers.scaleDimensions(of: form.shape, grouping)
        guard let scaleShape = try? Shape(dimensions) else { throw naming.corrupt("it has too many scales") }
        let levels = try levels(form, role, grouping, naming)
        let scales = try tensor(form, StoredForm.Role.scales, scaleShape, naming)
        let hasZeros = form.part(StoredForm.Role.zeroPoints) != nil
        let zeros = hasZeros ? try tensor(form, StoredForm.Role.zeroPoints, scaleShape, naming) : nil
        let bits = form.setting(StoredForm.Name.bits) ?? levels.type.bitWidth
        guard levels.type.isInteger, levels.type.bitWidth <= 32, zeros.map({ $0.type == levels.type }) ?? true,
            scales.type == .float32 || scales.type == .float16, (1...levels.type.bitWidth).contains(bits)
        else { throw naming.corrupt("its \(role) are \(levels.type.rawValue), its scales \(scales.type.rawValue)") }
        return GroupedIntegers(levels: levels, scales: scales, zeroPoints: zeros, grouping: grouping, levelBits: bits)
    }

    private func grouping(of form: StoredForm, _ naming: Naming) throws(FormatError) -> GroupedIntegers.Grouping {
        let block = form.setting(StoredForm.Name.block), padded = form.setting(StoredForm.Name.padded)
        guard padded.map({ $0 <= 1 && block != nil }) ?? true else {
            throw naming.corrupt("it pads something other than its last block")
        }
        guard let axis = form.setting(StoredForm.Name.axis) else {
            guard block == nil else { throw naming.corrupt("its blocks lie along no axis") }
            return .tensor
        }
        guard axis < form.shape.rank, form.shape.dimensions[axis] <= 1 << 48 else {
            throw naming.corrupt("it has no axis \(axis) of groups")
        }
        guard let block else { return .channel(axis: axis) }
        guard block > 0, block <= max(form.shape.dimensions[axis], 1) else {
            throw naming.corrupt("its blocks of \(block) do not fit its axis")
        }
        return .block(axis: axis, size: block)
    }

    /// The levels, without those that only fill the last block.
    private func levels(
        _ form: StoredForm, _ role: String, _ grouping: GroupedIntegers.Grouping, _ naming: Naming
    ) throws(FormatError) -> Tensor {
        // Beside an axis of 0 another may have any length: there is nothing to cut, and no end of rows to cut it from.
        guard case .block(let axis, let size) = grouping, form.setting(StoredForm.Name.padded) == 1,
            form.shape.count > 0
        else { return try tensor(form, role, form.shape, naming) }
        var dimensions = form.shape.dimensions
        let length = dimensions[axis], groups = length / size + (length % size == 0 ? 0 : 1)
        dimensions[axis] = groups * size
        guard let shape = try? Shape(dimensions) else { throw naming.corrupt("its last block is too large") }
        let full = try tensor(form, role, shape, naming), numbers = full.integers() ?? []
        let (outer, padded, inner) = shape.strides(around: axis)
        let kept = (0..<outer).flatMap { numbers[$0 * padded * inner..<($0 * padded + length) * inner] }
        guard let levels = try? Tensor(integers: kept, as: full.type, shape: form.shape) else {
            throw naming.corrupt("its \(role) do not fit its shape")
        }
        return levels
    }

    /// Codes without a sign, each with an entry in the table, and every entry with a code.
    func tabled(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> TabledIntegers {
        let codes = try grouped(form, StoredForm.Role.codes, naming), type = codes.levels.type
        let table = try tensor(form, StoredForm.Role.table, nil, naming)
        guard type.integerRange?.lowerBound == 0, type.bitWidth <= 8, codes.zeroPoints == nil else {
            throw naming.corrupt("its codes are \(type.rawValue), or have zero points")
        }
        guard table.type == .float32, table.shape.dimensions == [1 << codes.levelBits] else {
            throw naming.corrupt(
                "its table has \(table.shape) \(table.type.rawValue) entries for codes of \(codes.levelBits) bits")
        }
        guard (codes.levels.integers() ?? []).allSatisfy({ $0 < table.count }) else {
            throw naming.corrupt("a code is past its table of \(table.count)")
        }
        return TabledIntegers(codes: codes, table: table)
    }

    func codebook(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> Codebook {
        let indices = try tensor(form, StoredForm.Role.indices, form.shape, naming)
        let values = try tensor(form, StoredForm.Role.values, nil, naming)
        guard indices.type == .uint8, values.type == .float32, values.shape.rank == 1, values.count <= 256,
            indices.elements(as: UInt8.self).allSatisfy({ Int($0) < values.count })
        else { throw naming.corrupt("its indices do not fit its \(values.shape) values") }
        return Codebook(indices: indices, values: values)
    }

    func sparse(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> SparseValues {
        let values = try tensor(form, StoredForm.Role.values, nil, naming)
        let indices = try tensor(form, StoredForm.Role.indices, nil, naming)
        guard indices.type == .int64, let bytes = form.type.byteCount(of: form.shape.count),
            bytes <= max(sparseAllowance, 100 * values.byteCount)
        else { throw naming.corrupt("\(values.count) values can not stand for a shape of \(form.shape)") }
        do { return try SparseValues(values: values, indices: indices, shape: form.shape, named: naming.weight) } catch
        { throw naming.corrupt(error.problem) }
    }
}
