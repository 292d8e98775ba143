import PithFormats
import PithTensor
import Testing

@Suite struct ZIPArchiveTests {
    static func open(_ bytes: [UInt8]) throws -> ZIPArchive { try ZIPArchive(Storage(bytes), named: "x.zip") }

    static func sample(_ change: (inout ZIPBuilder) -> Void = { _ in }) throws -> [UInt8] {
        var builder = ZIPBuilder()
        builder.add("a.txt", Array("alpha".utf8))
        builder.add("b/c.bin", [UInt8](repeating: 9, count: 200), deflated: true)
        change(&builder)
        return try builder.built()
    }

    static func contents(_ bytes: [UInt8]) throws -> [[UInt8]] {
        let archive = try open(bytes)
        return try archive.entries.map { try archive.contents(of: $0).withBytes { $0.bytes } }
    }

    static let expected: [[UInt8]] = [Array("alpha".utf8), [UInt8](repeating: 9, count: 200)]

    @Test(arguments: [false, true], [false, true])
    func `Stored and deflated entries are read, with zip64 and data descriptors`(isLong: Bool, described: Bool) throws {
        let bytes = try ZIPArchiveTests.sample {
            $0.isLong = isLong
            $0.hasDataDescriptors = described
            $0.comment = Array("PK\u{5}\u{6} in the comment".utf8)
        }
        #expect(try ZIPArchiveTests.contents(bytes) == ZIPArchiveTests.expected)
        #expect(try ZIPArchiveTests.open(bytes).entry(named: "b/c.bin")?.isDeflated == true)
        #expect(try ZIPArchiveTests.open(bytes).entry(named: "c.bin") == nil)
    }

    @Test func `an archive without entries is its plain end, as NumPy reads it`() throws {
        let folder = try ScratchFolder()
        let output = try StagedOutput(beside: folder.path("empty.npz"))
        try output.write("empty.npz") { sink in
            var archive = ZIPWriter(sink)
            _ = try archive.finish()
        }
        try output.commit()
        let bytes = try ContainerSamples.bytes(folder.path("empty.npz"))
        #expect(bytes == [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18))
        #expect(try ZIPArchiveTests.open(bytes).entries.isEmpty)
    }

    @Test func `An archive without entries is read, and directories are left out`() throws {
        #expect(try ZIPArchiveTests.open(ZIPBuilder().built()).entries.isEmpty)
        #expect(try ZIPArchiveTests.open(ZIPArchiveTests.sample { $0.add("folder/", []) }).entries.count == 2)
    }

    @Test(arguments: ["/etc/passwd", "../up", "a/../../b", "C:/x", "a\\b", "a//b", "./a", "a\u{0}b", ""])
    func `Names that leave the archive are refused`(name: String) throws {
        let bytes = try ZIPArchiveTests.sample { $0.add(name, [1]) }
        #expect(refusal { try ZIPArchiveTests.open(bytes) }?.code == .corrupt)
    }

    @Test func `Duplicate names, encryption, unknown methods and wrong sizes are refused`() throws {
        let twice = try ZIPArchiveTests.sample { $0.add("a.txt", [1]) }
        #expect(refusal { try ZIPArchiveTests.open(twice) }?.says("twice", "a.txt") == true)
        let locked = try ZIPArchiveTests.sample { $0.entries[0].flags = 1 }
        #expect(refusal { try ZIPArchiveTests.open(locked) }?.says("encrypted") == true)
        let bzip = try ZIPArchiveTests.sample { $0.entries[0].method = 12 }
        #expect(refusal { try ZIPArchiveTests.open(bzip) }?.says("method 12") == true)
        let longer = try ZIPArchiveTests.sample { $0.entries[0].statedCount = 6 }
        #expect(refusal { try ZIPArchiveTests.open(longer) }?.code == .corrupt)
    }

    @Test func `A wrong checksum or size of content is refused when it is read`() throws {
        let wrong = try ZIPArchiveTests.sample { $0.entries[0].statedCRC = 1 }
        #expect(refusal { try ZIPArchiveTests.contents(wrong) }?.says("checksum", "a.txt") == true)
        for count in [0, 199, 201, 1 << 30] {
            let lying = try ZIPArchiveTests.sample { $0.entries[1].statedCount = count }
            #expect(refusal { try ZIPArchiveTests.contents(lying) }?.code == .corrupt)
        }
        let bomb = try ZIPArchiveTests.sample { $0.entries[1].statedCount = 1 << 31 }
        #expect(refusal { try ZIPArchiveTests.contents(bomb) }?.says("2147483648 bytes", "savez") == true)
        let archive = try ZIPArchiveTests.open(ZIPArchiveTests.sample())
        #expect(refusal { try archive.contents(of: archive.entries[1], maximumByteCount: 199) }?.code == .unsupported)
    }

    @Test func `Entries that share bytes are refused`() throws {
        var builder = ZIPBuilder()
        builder.add("a", [1, 2, 3])
        builder.add("a", [1, 2, 3])
        builder.entries[1].sharesEntry = 0
        let bytes = try builder.built()
        #expect(refusal { try ZIPArchiveTests.open(bytes) }?.says("inside") == true)
    }

    @Test(arguments: [false, true])
    func `Every truncation is refused and no flipped bit changes content silently`(isLong: Bool) throws {
        let good = try ZIPArchiveTests.sample { $0.isLong = isLong }
        for bytes in Damage.truncations(of: good) { #expect(refusal { try ZIPArchiveTests.contents(bytes) } != nil) }
        for bytes in Damage.flips(of: good) {
            guard let contents = try? ZIPArchiveTests.contents(bytes) else { continue }
            // A changed name may become a folder, which is left out; content never differs.
            #expect(contents.allSatisfy(ZIPArchiveTests.expected.contains))
        }
    }

    @Test func `Stored arrays of an NPZ are read at any offset, and unknown names are refused with the known ones`()
        throws
    {
        for padding in 0..<4 {
            var builder = ZIPBuilder()
            builder.add(String(repeating: "p", count: padding + 1), [0])
            builder.add("x.npy", try NPYWriter.bytes(of: Tensor(vector: [1, 2, 3] as [Double])))
            builder.add("y.npy", try NPYWriter.bytes(of: Tensor(scalar: UInt8(7))), deflated: true)
            let archive = NPZArchive(try ZIPArchiveTests.open(try builder.built()))
            #expect(archive.names == ["x", "y"])
            #expect(try archive.tensor(named: "x").elements(as: Double.self) == [1, 2, 3])
            #expect(try archive.tensor(named: "y").integers() == [7])
            let refused = refusal { try archive.tensor(named: "z") }
            #expect(refused?.code == .missing && refused?.says("'z'", "'x', 'y'") == true)
        }
    }
}
