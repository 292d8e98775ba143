internal import PithCoding
internal import PithTensor

/// Reads the parts of a container that stand around its blocks.
struct ContainerParts {
    let path: String
    let input: InputFile
    let byteCount: Int

    /// Checks the first bytes.
    ///
    /// - Throws: `FormatError` `.corrupt` for another kind of file, `.unsupported` for another version.
    func checkPreamble() throws(FormatError) {
        let count = ContainerFrame.preamble.count, buffer = ByteBuffer()
        guard byteCount >= count + ContainerFrame.endCount else {
            throw FormatError(
                code: .truncated, subject: path, problem: "it has \(byteCount) bytes, too few for a .pith file.",
                remedy: FormatError.damaged)
        }
        buffer.resize(to: count)
        try input.fill(buffer, 0..<count, from: 0, path: path)
        try ContainerParts.check(preamble: buffer.bytes(0..<count), path: path)
    }

    /// Checks the first bytes of a container.
    ///
    /// - Throws: `FormatError` `.corrupt` for another kind of file, `.unsupported` for another version.
    static func check(preamble bytes: [UInt8], path: String) throws(FormatError) {
        guard bytes.count == ContainerFrame.preamble.count, bytes.prefix(8) == ContainerFrame.preamble.prefix(8) else {
            throw FormatError(
                code: .corrupt, subject: path, problem: "it does not start like a .pith file.",
                remedy: "Pack the model with `pith pack`.")
        }
        guard bytes == ContainerFrame.preamble else {
            throw FormatError(
                code: .unsupported, subject: "\(path), byte 8",
                problem:
                    "its version is \(Int(bytes[8]) | Int(bytes[9]) << 8), or it uses what version 1 does not have.",
                remedy: "Use a newer version of Pith, or get the file again if it is damaged.")
        }
    }

    /// What the end frame says.
    func end() throws(FormatError) -> (index: Int, byteCount: Int, root: [UInt8]) {
        let offset = byteCount - ContainerFrame.endCount, head = ByteBuffer()
        head.resize(to: 5)
        try input.fill(head, 0..<5, from: offset, path: path)
        guard head.bytes(0..<5) == [ContainerFrame.Kind.end.rawValue, 48, 0, 0, 0] else {
            throw FormatError(
                code: .truncated, subject: path,
                problem: "it does not end as a .pith file does: it is cut short, or something follows its end.",
                remedy: FormatError.damaged)
        }
        let frame = try frame(at: offset, .end, before: byteCount)
        return try ContainerParts.end(frame, at: offset, path: path)
    }

    /// What an end frame at `offset` says.
    ///
    /// - Throws: `FormatError` `.corrupt` when the index can not lie where it says.
    static func end(
        _ frame: Storage, at offset: Int, path: String
    ) throws(FormatError) -> (index: Int, byteCount: Int, root: [UInt8]) {
        guard frame.byteCount == ContainerFrame.endCount else {
            throw ContainerFrame.corrupt("the end has \(frame.byteCount) bytes", at: offset, path: path)
        }
        var reader = ByteReader(body(frame), named: "\(path), end")
        do {
            let index = try reader.number(UInt64.self), count = try reader.number(UInt64.self)
            guard index >= UInt64(ContainerFrame.preamble.count), index <= UInt64(offset), count <= UInt64(offset)
            else {
                throw ContainerFrame.corrupt("the index can not lie at byte \(index)", at: offset, path: path)
            }
            return (Int(index), Int(count), try reader.array(32))
        } catch let error as CodingError {
            throw FormatError(error, file: path)
        } catch let error as FormatError {
            throw error
        } catch {
            preconditionFailure("An end was refused with a foreign error: \(error).")
        }
    }

    /// The whole frame at `offset`, checked; it must end at `limit` or before.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated`.
    func frame(at offset: Int, _ kind: ContainerFrame.Kind, before limit: Int) throws(FormatError) -> Storage {
        let buffer = ByteBuffer()
        guard limit - offset >= ContainerFrame.overhead else {
            throw ContainerFrame.corrupt("there is no room for a part of the file", at: offset, path: path)
        }
        buffer.resize(to: ContainerFrame.headCount)
        try input.fill(buffer, 0..<ContainerFrame.headCount, from: offset, path: path)
        let head = buffer.bytes(0..<ContainerFrame.headCount)
        let (_, length) = try ContainerFrame.head(head, expecting: [kind], at: offset, path: path)
        let count = length + ContainerFrame.overhead
        guard count <= limit - offset else {
            throw ContainerFrame.corrupt("a part of \(count) bytes does not end in time", at: offset, path: path)
        }
        buffer.resize(to: count)
        try input.fill(buffer, 0..<count, from: offset, path: path)
        let frame = buffer.storage(0..<count)
        _ = try ContainerFrame.verify(frame, at: offset, subject: path)
        return frame
    }

    /// The body of a whole frame.
    static func body(_ frame: Storage) -> Storage {
        frame.slice(ContainerFrame.headCount..<frame.byteCount - ContainerFrame.tailCount)
    }

    /// The directory in a checked frame.
    ///
    /// - Throws: `FormatError` `.corrupt`, `.truncated` or `.unsupported`.
    static func directory(_ frame: Storage, path: String) throws(FormatError) -> ContainerDirectory {
        do throws(CodingError) {
            let subject = "\(path), directory"
            return try ContainerDirectory(DirectoryBody.decoded(body(frame), named: subject), named: subject)
        } catch { throw FormatError(error, file: path) }
    }
}
