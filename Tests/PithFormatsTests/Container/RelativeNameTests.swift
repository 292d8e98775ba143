import PithFormats
import Testing

@Suite struct RelativeNameTests {
    @Test(arguments: ["m.onnx", "a/b.data", "..a/b", "a..", "...", "weights é.bin", "a\u{301}/b"])
    func `names below the folder are taken`(_ name: String) { #expect(RelativeName.isSound(name)) }

    /// A mark behind a slash makes one character of both, and the slash is one all the same.
    @Test(
        arguments: [
            "", "/m.onnx", "../m.onnx", "a/../b", "a/..", ".", "./a", "a//b", "a/", "a\\b", "a\u{7}b", "a\u{7F}b",
            "../\u{301}x", "a//\u{301}", "/\u{301}x", "a/../\u{301}b", String(repeating: "a", count: 4097),
        ]) func `names that lead elsewhere are not`(_ name: String)
    { #expect(!RelativeName.isSound(name)) }
}
