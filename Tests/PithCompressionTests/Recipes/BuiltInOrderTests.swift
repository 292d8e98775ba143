import PithCompression
import Testing

struct BuiltInOrderTests {
    @Test func `both orders of the built-in recipes have all of them`() throws {
        #expect(Recipe.gentlestFirst.map(\.name).sorted() == Recipe.builtIn.map(\.name).sorted())
        #expect(Recipe.gentlestFirst.first?.name == "clean")
        #expect(Recipe.builtIn.first?.name == "int2")
        // The former takes 4 bits of every weight; the latter fewer where a target far below that allows it.
        let names = Recipe.gentlestFirst.map(\.name)
        let accurate = try #require(names.firstIndex(of: "int4-accurate")), mixed = names.firstIndex(of: "mixed")
        #expect(try accurate < #require(mixed))
    }
}
