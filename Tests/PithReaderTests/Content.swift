import PithReader

/// All that a container gives.
struct Content: Equatable {
    var format = ""
    var files: [[UInt8]] = []
    /// The sizes that the directory says the files have.
    var fileSizes: [Int] = []
    var arrays: [ArrayEntry] = []
    var forms: [FormEntry] = []
    var bytes: [[UInt8]] = []
    /// The bits of all numbers: those that are not numbers are equal too.
    var numbers: [[UInt32]] = []

    /// Reads everything; of arrays that are not of single precision only the bytes.
    init(_ file: [UInt8], maximumByteCount: Int = 1 << 24) throws(ReaderError) {
        let reader = try ContainerReader(file, maximumByteCount: maximumByteCount)
        (format, arrays, forms) = (reader.format, reader.arrays, reader.forms)
        fileSizes = reader.files.map(\.byteCount)
        bytes = try reader.bytes(ofArraysAt: [Int](reader.arrays.indices))
        for entry in reader.files { files.append(try reader.bytes(ofFile: entry.name)) }
        for index in reader.forms.indices { numbers.append(try reader.numbers(ofFormAt: index).map(\.bitPattern)) }
        for index in reader.arrays.indices where reader.arrays[index].type == .float32 {
            numbers.append(try reader.numbers(ofArrayAt: index).map(\.bitPattern))
        }
    }
}
