package import PithModel
package import PithTensor

/// Turns the stored forms of a container into representations, and so into numbers.
///
/// What the directory says about a form comes from outside: everything is checked before it is believed.
package struct FormDecoder {
    private let arrays: ContainerArrays
    private let path: String
    private let sparseAllowance: Int

    /// Decodes forms whose parts are `arrays` of the container at `path`.
    ///
    /// A sparse weight may take `sparseAllowance` bytes when dense, or 100 times its stored bytes.
    package init(_ arrays: ContainerArrays, path: String, sparseAllowance: Int = ONNXReader.sparseAllowance) {
        self.arrays = arrays
        self.path = path
        self.sparseAllowance = sparseAllowance
    }

    /// The weight of `named` in its stored form.
    ///
    /// - Throws: `FormatError` `.corrupt` when its parts do not fit each other or a block is damaged, `.unsupported` for a
    ///   kind that is not known.
    /// - Complexity: O(numbers) time and memory.
    package func representation(of named: NamedForm) throws(FormatError) -> any Representation {
        try representation(of: named.form, Naming(path: path, weight: named.name))
    }

    /// The parts of `named` as plain arrays, in the order in which its form lists them.
    ///
    /// - Throws: `FormatError` as `representation(of:)`; `.corrupt` too for parts that its kind does not have.
    package func parts(of named: NamedForm) throws(FormatError) -> [Tensor] {
        let form = try representation(of: named), naming = Naming(path: path, weight: named.name)
        var tensors: [Tensor] = []
        for part in named.form.parts {
            guard let tensor = FormDecoder.part(part.role, of: form) else {
                throw naming.corrupt("it has \(part.role), which '\(named.form.kind)' does not have")
            }
            tensors.append(tensor)
        }
        return tensors
    }

    private static func part(_ role: String, of form: any Representation) -> Tensor? {
        switch (form, role) {
        case (let form as HalfFloats, StoredForm.Role.numbers): form.numbers
        case (let form as GroupedIntegers, StoredForm.Role.levels): form.levels
        case (let form as GroupedIntegers, StoredForm.Role.scales): form.scales
        case (let form as GroupedIntegers, StoredForm.Role.zeroPoints): form.zeroPoints
        case (let form as Codebook, StoredForm.Role.indices): form.indices
        case (let form as Codebook, StoredForm.Role.values): form.values
        case (let form as SparseValues, StoredForm.Role.indices): form.indices
        case (let form as SparseValues, StoredForm.Role.values): form.values
        default: nil
        }
    }

    /// Names the weight that is worked on in errors.
    private struct Naming {
        let path: String
        let weight: String

        func corrupt(_ problem: String) -> FormatError {
            FormatError(
                code: .corrupt, subject: "\(path), weight '\(weight)'", problem: "\(problem).",
                remedy: FormatError.damaged)
        }
    }

    private func representation(
        of form: StoredForm, _ naming: Naming
    ) throws(FormatError) -> any Representation {
        switch form.kind {
        case HalfFloats.kind:
            let numbers = try tensor(form, StoredForm.Role.numbers, form.shape, naming)
            guard numbers.type == .float16 || numbers.type == .bfloat16 else {
                throw naming.corrupt("its half floats are \(numbers.type.rawValue)")
            }
            return HalfFloats(numbers)
        case GroupedIntegers.kind: return try grouped(form, naming)
        case Codebook.kind: return try codebook(form, naming)
        case SparseValues.kind: return try sparse(form, naming)
        default:
            throw FormatError(
                code: .unsupported, subject: "\(path), weight '\(naming.weight)'",
                problem: "it is stored as '\(form.kind)', which this version does not know.",
                remedy: "Use a newer version of Pith.")
        }
    }

    // MARK: Kinds

    private func grouped(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> GroupedIntegers {
        let grouping = try grouping(of: form, naming)
        let dimensions = GroupedIntegers.scaleDimensions(of: form.shape, grouping)
        guard let scaleShape = try? Shape(dimensions) else { throw naming.corrupt("it has too many scales") }
        let levels = try levels(form, grouping, naming)
        let scales = try tensor(form, StoredForm.Role.scales, scaleShape, naming)
        let hasZeros = form.part(StoredForm.Role.zeroPoints) != nil
        let zeros = hasZeros ? try tensor(form, StoredForm.Role.zeroPoints, scaleShape, naming) : nil
        let bits = form.setting(StoredForm.Name.bits) ?? levels.type.bitWidth
        guard levels.type.isInteger, levels.type.bitWidth <= 32, zeros.map({ $0.type == levels.type }) ?? true,
            scales.type == .float32 || scales.type == .float16, (1...levels.type.bitWidth).contains(bits)
        else { throw naming.corrupt("its levels are \(levels.type.rawValue), its scales \(scales.type.rawValue)") }
        return GroupedIntegers(levels: levels, scales: scales, zeroPoints: zeros, grouping: grouping, levelBits: bits)
    }

    private func grouping(of form: StoredForm, _ naming: Naming) throws(FormatError) -> GroupedIntegers.Grouping {
        guard let axis = form.setting(StoredForm.Name.axis) else { return .tensor }
        guard axis < form.shape.rank, form.shape.dimensions[axis] <= 1 << 48 else {
            throw naming.corrupt("it has no axis \(axis) of groups")
        }
        guard let block = form.setting(StoredForm.Name.block) else { return .channel(axis: axis) }
        guard block > 0, block <= max(form.shape.dimensions[axis], 1) else {
            throw naming.corrupt("its blocks of \(block) do not fit its axis")
        }
        return .block(axis: axis, size: block)
    }

    /// The levels, without those that only fill the last block.
    private func levels(
        _ form: StoredForm, _ grouping: GroupedIntegers.Grouping, _ naming: Naming
    ) throws(FormatError) -> Tensor {
        guard case .block(let axis, let size) = grouping, form.setting(StoredForm.Name.padded) == 1 else {
            return try tensor(form, StoredForm.Role.levels, form.shape, naming)
        }
        var dimensions = form.shape.dimensions
        let length = dimensions[axis], groups = length / size + (length % size == 0 ? 0 : 1)
        dimensions[axis] = groups * size
        guard let shape = try? Shape(dimensions) else { throw naming.corrupt("its last block is too large") }
        let full = try tensor(form, StoredForm.Role.levels, shape, naming), numbers = full.integers() ?? []
        let (outer, padded, inner) = shape.strides(around: axis)
        let kept = (0..<outer).flatMap { numbers[$0 * padded * inner..<($0 * padded + length) * inner] }
        guard let levels = try? Tensor(integers: kept, as: full.type, shape: form.shape) else {
            throw naming.corrupt("its levels do not fit its shape")
        }
        return levels
    }

    private func codebook(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> Codebook {
        let indices = try tensor(form, StoredForm.Role.indices, form.shape, naming)
        let values = try tensor(form, StoredForm.Role.values, nil, naming)
        guard indices.type == .uint8, values.type == .float32, values.shape.rank == 1, values.count <= 256,
            indices.elements(as: UInt8.self).allSatisfy({ Int($0) < values.count })
        else { throw naming.corrupt("its indices do not fit its \(values.shape) values") }
        return Codebook(indices: indices, values: values)
    }

    private func sparse(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> SparseValues {
        let values = try tensor(form, StoredForm.Role.values, nil, naming)
        let indices = try tensor(form, StoredForm.Role.indices, nil, naming)
        guard indices.type == .int64, let bytes = form.type.byteCount(of: form.shape.count),
            bytes <= max(sparseAllowance, 100 * values.byteCount)
        else { throw naming.corrupt("\(values.count) values can not stand for a shape of \(form.shape)") }
        do { return try SparseValues(values: values, indices: indices, shape: form.shape, named: naming.weight) } catch
        { throw naming.corrupt(error.problem) }
    }

    // MARK: Parts

    /// The numbers of a part, in `shape` unless that is nil.
    private func tensor(
        _ form: StoredForm, _ role: String, _ shape: Shape?, _ naming: Naming
    ) throws(FormatError) -> Tensor {
        let found: Tensor
        switch form.part(role) {
        case .array(let index):
            guard arrays.directory.arrays[index].type != nil else {
                throw naming.corrupt("its \(role) are text")
            }
            found = try arrays.tensor(index)
        case .numbers(let tensor): found = tensor
        case .form(let inner) where inner.kind == StoredForm.packedIntegers: found = try unpacked(inner, naming)
        case .form(let inner): found = try representation(of: inner, naming).decoded()
        case nil: throw naming.corrupt("it has no \(role)")
        }
        guard let shape else { return found }
        guard let fitting = try? found.reshaped(to: shape) else {
            throw naming.corrupt("its \(role) have the shape \(found.shape) instead of \(shape)")
        }
        return fitting
    }

    /// Several levels a byte: neighbours, or in runs of some of their bits.
    private func unpacked(_ form: StoredForm, _ naming: Naming) throws(FormatError) -> Tensor {
        let bits = form.setting(StoredForm.Name.bits) ?? 0, offset = form.setting(StoredForm.Name.offset) ?? 0
        guard (1...8).contains(bits), offset == 0 || offset == 1 << (bits - 1) else {
            throw naming.corrupt("it has packed levels of \(bits) bits less \(offset)")
        }
        let isNeighbours = form.part(StoredForm.Role.bytes) != nil
        let codes = try isNeighbours ? neighbours(form, bits, naming) : runs(form, bits, naming)
        guard offset > 0 else { return Tensor(codes, shape: form.shape) }
        return Tensor(codes.map { Int8(truncatingIfNeeded: Int($0) - offset) }, shape: form.shape)
    }

    /// Byte `i` holds the codes from `8 / bits * i` on, the first in the lowest bits.
    private func neighbours(_ form: StoredForm, _ bits: Int, _ naming: Naming) throws(FormatError) -> [UInt8] {
        let count = form.shape.count, perByte = max(8 / bits, 1)
        let packed = try tensor(form, StoredForm.Role.bytes, nil, naming)
        guard 8 % bits == 0, packed.type == .uint8,
            packed.count == count / perByte + (count % perByte == 0 ? 0 : 1)
        else { throw naming.corrupt("its packed levels do not fit the shape \(form.shape)") }
        let bytes = packed.elements(as: UInt8.self), mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
        return (0..<count).map { bytes[$0 / perByte] >> UInt8($0 % perByte * bits) & mask }
    }

    /// Byte `i` of the `m` of a run holds the codes `i`, `i + m`, `i + 2 m` and so on.
    private func runs(_ form: StoredForm, _ bits: Int, _ naming: Naming) throws(FormatError) -> [UInt8] {
        let count = form.shape.count
        var shift = 0, runs: [(width: Int, shift: Int, bytes: [UInt8])] = []
        for width in [4, 2, 1] where bits & width != 0 {
            let run = try tensor(form, StoredForm.Role.bits(width), nil, naming), perByte = 8 / width
            guard run.type == .uint8, run.count == count / perByte + (count % perByte == 0 ? 0 : 1) else {
                throw naming.corrupt("its packed levels do not fit the shape \(form.shape)")
            }
            runs.append((width, shift, run.elements(as: UInt8.self)))
            shift += width
        }
        guard shift == bits else { throw naming.corrupt("its packed levels have no bytes") }
        return (0..<count).map { index in
            runs.reduce(UInt8(0)) { code, run in
                let byte = run.bytes[index % run.bytes.count], place = UInt8(index / run.bytes.count * run.width)
                return code | (byte >> place & (1 << UInt8(run.width) - 1)) << UInt8(run.shift)
            }
        }
    }
}
