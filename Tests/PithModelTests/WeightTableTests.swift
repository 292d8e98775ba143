import PithModel
import PithTensor
import Testing

@Suite struct WeightTableTests {
    private func weight(_ name: String, _ value: Float = 0) -> Weight { Weight(name, Tensor(scalar: value)) }

    @Test func `weights keep their order through replacement and removal`() {
        var table = WeightTable([weight("a"), weight("b"), weight("c")])
        table["b"] = weight("b", 7)
        #expect(table.names == ["a", "b", "c"])
        #expect(table["b"]?.dense == Tensor(scalar: Float(7)))
        table["a"] = nil
        #expect(table.names == ["b", "c"] && table.count == 2 && table["a"] == nil)
        table["a"] = weight("a")
        #expect(table.names == ["b", "c", "a"])
        table["none"] = nil
        #expect(table.count == 3 && !table.isEmpty && WeightTable().isEmpty)
    }

    @Test func `of two weights with a name the later stays, in the place of the first`() {
        let table = WeightTable([weight("a", 1), weight("b"), weight("a", 2)])
        #expect(table.names == ["a", "b"])
        #expect(table["a"]?.dense == Tensor(scalar: Float(2)))
    }

    @Test func `what is assigned takes the name`() {
        var table = WeightTable()
        table["a"] = weight("b")
        #expect(table.names == ["a"] && table["a"]?.name == "a" && table["b"] == nil)
    }

    @Test func `a weight answers for its form`() throws {
        let levels = Tensor([1, 2] as [Int8], shape: .vector(2))
        let form = GroupedIntegers(levels: levels, scales: Tensor(scalar: Float(2)), grouping: .tensor)
        let encoded = Weight(name: "w", form: .encoded(form))
        #expect(encoded.byteCount == 6 && encoded.type == .float32 && encoded.shape.dimensions == [2])
        #expect(encoded.decoded().elements(as: Float.self) == [2, 4])
        #expect(encoded.dense == nil && encoded.representation != nil && encoded.execution == .folded)
        let dense = weight("d", 3)
        #expect(dense.byteCount == 4 && dense.representation == nil && dense.decoded() == Tensor(scalar: Float(3)))
    }

    @Test func `made names are new and say what they are`() {
        var names = NameSource(taken: ["w_q", "x"])
        #expect(names.make("w", "_q") == "w_q_1")
        #expect(names.make("w", "_q") == "w_q_2")
        #expect(names.make("x", "") == "x_1")
        #expect(names.make("y", "_s") == "y_s")
    }
}
