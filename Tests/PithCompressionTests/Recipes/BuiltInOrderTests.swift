import PithCompression
import Testing

struct BuiltInOrderTests {
    @Test func `both orders of the built-in recipes have all of them`() {
        #expect(Recipe.gentlestFirst.map(\.name).sorted() == Recipe.builtIn.map(\.name).sorted())
        #expect(Recipe.gentlestFirst.first?.name == "clean")
        #expect(Recipe.builtIn.first?.name == "int2")
    }
}
