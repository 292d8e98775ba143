import Foundation
import PithTensor
import Testing

@Suite struct FileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pith-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test func `a file is written, mapped and stays mapped when its name is gone`() throws {
        try withFolder { folder in
            let file = try OutputFile(path: folder + "/a")
            try file.write(Storage([1, 2, 3] as [UInt8]))
            try file.write(Storage([UInt8](repeating: 4, count: 5000)))
            try file.finish()
            try file.finish()
            let storage = try MappedFile(path: folder + "/a").storage
            try FileManager.default.removeItem(atPath: folder + "/a")
            #expect(storage.byteCount == 5003)
            #expect(storage.slice(0..<4).withBytes { $0.bytes } == [1, 2, 3, 4])
        }
    }

    @Test func `an empty file maps to no bytes`() throws {
        try withFolder { folder in
            try OutputFile(path: folder + "/empty").finish()
            #expect(try MappedFile(path: folder + "/empty").byteCount == 0)
        }
    }

    @Test func `what can not be mapped is refused with the system's words`() throws {
        try withFolder { folder in
            let missing = #expect(throws: TensorError.self) { try MappedFile(path: folder + "/none") }
            #expect(missing?.code == .unreadableFile)
            #expect(missing?.problem.contains("No such file") == true)
            #expect(throws: TensorError.self) { try MappedFile(path: folder) }
            #expect(throws: TensorError.self) { try MappedFile(path: "/dev/null") }
            #expect(throws: TensorError.self) { try MappedFile(path: folder + "/a\0b") }
            #expect(throws: SystemFailure.self) { try OutputFile(path: folder + "/none/a") }
            #expect(throws: SystemFailure.self) { try OutputFile(path: folder) }
        }
    }

    @Test func `names move in one step and links keep the bytes`() throws {
        try withFolder { folder in
            try Data([1]).write(to: URL(fileURLWithPath: folder + "/a"))
            try Data([2]).write(to: URL(fileURLWithPath: folder + "/b"))
            try FileSystem.link(folder + "/b", as: folder + "/old")
            try FileSystem.rename(folder + "/a", to: folder + "/b")
            #expect(FileSystem.kind(of: folder + "/a") == .nothing && FileSystem.kind(of: folder + "/b") == .file)
            #expect(FileManager.default.contents(atPath: folder + "/b") == Data([1]))
            #expect(FileManager.default.contents(atPath: folder + "/old") == Data([2]))
            try FileSystem.makeFolder(folder + "/c")
            #expect(FileSystem.kind(of: folder + "/c") == .folder && FileSystem.kind(of: "/dev/null") == .other)
            #expect(throws: SystemFailure.self) { try FileSystem.rename(folder + "/b", to: folder + "/c") }
            #expect(throws: SystemFailure.self) { try FileSystem.makeFolder(folder + "/c") }
        }
    }
}
