import PithCoding
import PithFormats
import PithModel
import PithTensor

extension HostileReader {
    /// Decoded bytes that fuzzing allows in one run.
    private static let most = 32 << 20

    /// The bytes of a container's directory.
    public static let directory = HostileReader("pith-directory") {
        [sample()]
    } read: { bytes in
        let directory = try ContainerDirectory(bytes, named: "input")
        let again = try ContainerDirectory(directory.encoded, named: "again")
        precondition(again == directory, "A directory that was read and written is another one.")
    }

    /// Bodies of blocks: the element type (1 byte), the number of elements less one (3 bytes), the body.
    public static let blocks = HostileReader("pith-blocks") {
        let encoder = BlockEncoder()
        let coded: [[UInt8]] = [(4, 2), (1, 4), (11, 1), (0, 1), (14, 8)].map { type, width in
            let count = 700
            let numbers = (0..<count * width).map { index in
                UInt8(truncatingIfNeeded: index % width == 0 ? index * index >> 3 : 60 + index % 3)
            }
            let layout = ContainerDirectory.type(of: type).map { NumberLayout($0) } ?? .text
            let body = Storage(numbers).withBytes { encoder.encode($0, layout: layout, unit: 64) }
            return [UInt8(type), UInt8((count - 1) & 255), UInt8((count - 1) >> 8), 0] + body
        }
        // Four units in two classes, a stored plane, and one by its parts: a value, and bytes.
        let bytes = [UInt8](0..<96)
        return coded + [[4, 63, 0, 0, 2, 2, 16, 0b1010, 0] + bytes[..<64] + [5, 1, 7, 0] + bytes[64...]]
    } read: { bytes in
        guard bytes.count > 4 else { return }
        let layout = ContainerDirectory.type(of: Int(bytes[0] % 26)).map { NumberLayout($0) } ?? .text
        let count = (Int(bytes[1]) | Int(bytes[2]) << 8 | Int(bytes[3]) << 16) % BlockEncoder.mostElements + 1
        let body = Storage([UInt8](bytes[4...])), plain = ByteBuffer()
        let second = SecondReader.elements(
            of: [UInt8](bytes[4...]), count: count, width: layout.width, isRotated: layout.isRotated)
        func decoded(_ instructions: InstructionSet, _ output: ByteBuffer) -> CodingError? {
            do {
                try BlockDecoder(upTo: instructions).decode(
                    body, layout: layout, count: count, named: "input", into: output)
                return nil
            } catch { return error }
        }
        let failure = decoded(.portable, plain)
        for instructions in [InstructionSet.avx2, .widest] {
            let fast = ByteBuffer(), other = decoded(instructions, fast)
            precondition((failure == nil) == (other == nil), "Two decoders disagree about an error.")
            guard failure == nil else { continue }
            precondition(fast.storage(0..<fast.count) == plain.storage(0..<plain.count), "Two decoders disagree.")
        }
        second.requireSame(as: failure == nil ? plain.bytes(0..<plain.count) : nil, "a block")
        if let failure { throw failure }
    }

    /// Whole containers with right checksums: the length of the directory (2 bytes), the directory, and for each block the
    /// length of its body (2 bytes) and the body.
    public static let container = HostileReader("pith-container") {
        [wholeSeed()]
    } read: { bytes in
        let bytes = ContainerAssembly.container(of: bytes), second = SecondReader.open(bytes, most: most)
        try TemporaryFile.with(bytes, named: "m.pith") { path in
            let file: ContainerFile
            do { file = try ContainerFile(path: path) } catch {
                if case .success = second { fatalError("Ours alone refuses a container: \(error)") }
                throw error
            }
            let other: SecondReader
            switch second {
            case .success(let reader): other = reader
            case .failure(let error): fatalError("The second reader alone refuses a container: \(error)")
            }
            let directory = file.directory
            let size = directory.blocks.reduce(0) { $0 + $1.elementCount * 8 }
            guard size <= most else { return }
            let decoder = BlockDecoder(), frame = ByteBuffer(), output = ByteBuffer()
            for block in directory.blocks.indices {
                try? file.read(block: block, by: decoder, through: frame, into: output)
            }
            try compareStream(of: file)
            if size * max(directory.forms.count, 1) <= most / 8 { try export(file) }
            let arrays = ContainerArrays(file)
            for index in directory.weights.prefix(8) {
                other.storage(ofArrayAt: index).requireSame(as: try? arrays.tensor(index).storage, "an array")
            }
            let forms = FormDecoder(arrays, path: path, sparseAllowance: sparseAllowance)
            for (number, named) in directory.forms.prefix(8).enumerated() {
                let found = other.numbers(ofFormAt: number)
                do {
                    let form = try forms.representation(of: named), weight = form.decoded()
                    precondition(weight.shape == named.form.shape, "A weight has another shape than its form.")
                    found.requireSame(as: weight.floats().map(SecondReader.comparable), "a stored form")
                } catch {
                    if !isSparse(named.form) { found.requireSame(as: nil, "a stored form") }
                    throw error
                }
            }
        }
    }

    /// Whether numbers of a form lie at places that it names: how much it may stand for is a reader's own choice.
    private static func isSparse(_ form: StoredForm) -> Bool {
        form.kind == SparseValues.kind
            || form.parts.contains { if case .form(let inner) = $0.source { isSparse(inner) } else { false } }
    }

    /// Bytes of a sparse weight when dense that fuzzing allows.
    private static let sparseAllowance = 1 << 20

    /// Arrays that a stream gives are those of the file.
    private static func compareStream(of file: ContainerFile) throws {
        let arrays = ContainerArrays(file), path = file.path
        for index in file.directory.weights.prefix(8) {
            let name = file.directory.arrays[index].name, whole = try? arrays.tensor(named: name)
            _ = try? arrays.tensor(index)
            let streamed = try? WaitingThread.run {
                try await ContainerStream(InputFile(path: path), named: path).tensor(named: name)
            }
            precondition(streamed == whole, "A stream gives another array than the file.")
        }
    }

    /// Writes the weights in every format, as numbers and as they are stored, and reads what was written.
    private static func export(_ file: ContainerFile) throws {
        var failures: [any Error] = []
        for isStored in [false, true] {
            let export = ArrayExport(file, isStored: isStored, sparseAllowance: sparseAllowance)
            for name in ["w.npz", "w.safetensors"] {
                let target = "\(file.path)-\(isStored)-\(name)"
                do { _ = try export.write(to: target) } catch {
                    failures.append(error)
                    continue
                }
                let model = try PackedModel.read(path: target), names = model.arrays.map(\.name)
                guard let first = names.first else { continue }
                let hot = try model.first([first, "*"]).hot
                precondition(Set(hot) == Set(model.arrays.indices), "An array of an export is not found by its name.")
            }
        }
        for failure in failures where !(failure is FormatError) { throw failure }
        if let failure = failures.first { throw failure }
    }

    /// The bytes of a directory with text, an array of 64 bytes, and a weight in a stored form of it.
    private static func sample() -> [UInt8] {
        func field(_ number: Int, _ body: (inout ByteWriter) -> Void) -> [UInt8] {
            var content = ByteWriter(), out = ByteWriter()
            body(&content)
            out.varint(number)
            out.varint(content.bytes.count)
            out.append(content.bytes)
            return out.bytes
        }
        let kind = field(1) { $0.append(Array("npy".utf8)) }
        let files = field(3) { out in
            out.varint(1)
            out.text("a.npy")
            // 72 bytes in two pieces, 8 of array 0 and 64 of array 1.
            numbers([72, 2, 0, 8, 1, 64], to: &out)
        }
        let arrays = field(5) { out in
            out.varint(2)
            out.text("a.npy")
            numbers([0, 1, 8, 0], to: &out)
            out.text("a")
            numbers([11, 2, 8, 8, 0], to: &out)
        }
        let blocks = field(7) { numbers([2, 1, 0, 8, 1, 1, 64], to: &$0) }
        let forms = field(10) { out in
            out.varint(2)
            out.text("w")
            out.text(GroupedIntegers.kind)
            numbers([1, 2, 8, 8, 1], to: &out)
            out.text("axis")
            numbers([0, 2], to: &out)
            out.text("levels")
            numbers([1, 1], to: &out)
            out.text("scales")
            numbers([2, 1, 1, 8], to: &out)
            out.append([UInt8](repeating: 60, count: 32))
            writeTabled(to: &out)
        }
        return kind + files + arrays + blocks + forms + field(12) { numbers([1, 1], to: &$0) }
    }

    private static func numbers(_ list: [Int], to out: inout ByteWriter) { for number in list { out.varint(number) } }

    /// Eight codes of 2 bits into a table, all written out.
    private static func writeTabled(to out: inout ByteWriter) {
        out.text("t")
        out.text(TabledIntegers.kind)
        numbers([1, 1, 8, 1], to: &out)
        out.text("bits")
        numbers([2, 3], to: &out)
        out.text("codes")
        numbers([2, 22, 1, 8], to: &out)
        out.append([0b1110_0100, 0b0001_1011])
        out.text("scales")
        numbers([2, 1, 1, 1], to: &out)
        out.append([0, 0, 0, 63])
        out.text("table")
        numbers([2, 1, 1, 4], to: &out)
        out.append([UInt8](repeating: 62, count: 16))
    }

    private static func wholeSeed() -> [UInt8] {
        func counted(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count & 255), UInt8(bytes.count >> 8)] + bytes }
        return counted(sample()) + counted([0] + Array("a header".utf8))
            + counted([0] + (0..<64).map { UInt8($0) })
    }
}
