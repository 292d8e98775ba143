internal import PithModel
internal import PithTensor

/// The numbers of a form's parts, from arrays, written out, or from other forms.
extension FormDecoder {
    /// The numbers of a part, in `shape` unless that is nil.
    func tensor(
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
        try requireKnown(form, naming)
        let bits = form.setting(StoredForm.Name.bits) ?? 0, offset = form.setting(StoredForm.Name.offset) ?? 0
        guard (1...8).contains(bits), offset == 0 || offset == 1 << (bits - 1),
            form.type == (offset > 0 ? .int8 : .uint8)
        else {
            throw naming.corrupt("it has packed \(form.type.rawValue) levels of \(bits) bits less \(offset)")
        }
        let isNeighbours = form.part(StoredForm.Role.bytes) != nil
        let roles =
            isNeighbours ? [StoredForm.Role.bytes] : [4, 2, 1].filter { bits & $0 != 0 }.map(StoredForm.Role.bits)
        guard Set(form.parts.map(\.role)) == Set(roles) else {
            throw naming.corrupt("its packed levels of \(bits) bits lie in other parts than those")
        }
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
