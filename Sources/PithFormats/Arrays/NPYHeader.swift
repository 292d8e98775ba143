internal import PithTensor

/// The header of an NPY file: a Python dictionary literal with three keys, and nothing executed to read it.
///
/// - Reference: NEP 1, "A simple file format for NumPy arrays".
struct NPYHeader {
    let type: ScalarType
    let isBigEndian: Bool
    let isFortranOrder: Bool
    let shape: Shape

    /// Reads the text of a header; `name` is the file, for errors.
    init(_ text: String, named name: String) throws(FormatError) {
        var scanner = PythonLiteral(text, named: name)
        var description: String?, order: Bool?, lengths: [Int]?
        try scanner.expect("{")
        while try !scanner.skip("}") {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "descr" where description == nil:
                guard try !scanner.peek("[") else { throw NPYHeader.structured(name) }
                description = try scanner.string()
            case "fortran_order" where order == nil: order = try scanner.boolean()
            case "shape" where lengths == nil: lengths = try scanner.tuple()
            default: throw scanner.failure("the key '\(key)' is unknown or stands there twice.")
            }
            if try !scanner.skip(",") {
                try scanner.expect("}")
                break
            }
        }
        guard scanner.isAtEnd, let description, let order, let lengths else {
            throw scanner.failure("it does not consist of 'descr', 'fortran_order' and 'shape'.")
        }
        (type, isBigEndian) = try NPYHeader.scalarType(description, name)
        isFortranOrder = order
        do { shape = try Shape(lengths) } catch {
            throw FormatError(code: .corrupt, subject: name, problem: error.problem, remedy: FormatError.damaged)
        }
    }

    /// The header of a little-endian, row-major array; nil for types that NumPy has no code for.
    static func text(type: ScalarType, shape: Shape) -> String? {
        guard let code = codes.first(where: { $0.value == type })?.key else { return nil }
        let lengths = shape.dimensions.map { "\($0), " }.joined()
        let order = type.bitWidth == 8 ? "|" : "<"
        let tuple = shape.rank < 2 ? String(lengths.dropLast()) : String(lengths.dropLast(2))
        return "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(tuple)), }"
    }

    private static let codes: [String: ScalarType] = [
        "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32,
        "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64, "c16": .complex128,
    ]

    private static func scalarType(_ description: String, _ name: String) throws(FormatError) -> (ScalarType, Bool) {
        let order = description.first ?? " "
        let code = "<>|=".contains(order) ? String(description.dropFirst()) : description
        if let type = codes[code] { return (type, order == ">") }
        let (kind, remedy) = refusal(of: code.first ?? " ")
        throw FormatError(
            code: .unsupported, subject: name, problem: "its elements are \(kind) ('\(description)').", remedy: remedy)
    }

    private static func refusal(of kind: Character) -> (kind: String, remedy: String) {
        switch kind {
        case "O":
            (
                "Python objects stored as a pickle, which is a program that runs when loaded: it is never loaded here",
                "Save numbers instead: `numpy.save(file, array.astype(numpy.float32), allow_pickle=False)`."
            )
        case "S", "U", "a":
            (
                "strings of fixed width",
                "Turn them into numbers before saving: `numpy.unique(..., return_inverse=True)`."
            )
        case "V": ("raw or structured records", "Save each field as an array of its own.")
        case "M", "m": ("dates or times", "Save them as numbers: `array.astype('int64')`.")
        default: ("of a type that is not read", "Convert them with `array.astype(numpy.float32)` before saving.")
        }
    }

    private static func structured(_ name: String) -> FormatError {
        let (kind, remedy) = refusal(of: "V")
        return FormatError(code: .unsupported, subject: name, problem: "its elements are \(kind).", remedy: remedy)
    }
}
